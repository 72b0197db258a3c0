// What may be asked of a pod's log.
import { type FieldError, fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";

/** Before the pod is looked for, as Kubernetes does it. */
export function mustBeLogOptions(name: string, query: URLSearchParams): void {
  const errors: FieldError[] = [];
  const number = (option: string, least: number): void => {
    const text = query.get(option);
    if (text === null || text === "") return;
    const value = Number(text);
    if (!Number.isInteger(value))
      throw new StatusError(statuses.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`));
    if (value < least)
      errors.push(fieldErrors.invalid(option, value, `must be greater than ${least === 0 ? "or equal to 0" : "0"}`));
  };
  number("tailLines", 0);
  number("limitBytes", 1);
  number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime") ?? "";
  if (sinceTime !== "" && parseRfc3339(sinceTime) === undefined) {
    throw new StatusError(
      statuses.badRequest(
        `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`,
      ),
    );
  }
  if (sinceTime !== "" && (query.get("sinceSeconds") ?? "") !== "")
    errors.push(fieldErrors.forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  if (errors.length > 0) throw new StatusError(statuses.invalid({ group: "", kind: "PodLogOptions" }, name, errors));
}
