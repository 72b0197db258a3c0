// The one way in which admission says no: `pods "x" is forbidden: …`, with the name a client knows the object by.
import { StatusError, statuses, type StatusCause } from "@coxswain/apimachinery";
import type { AdmissionAttributes } from "../request.ts";

/** A StatusError of code 403. Objects whose name is still to be generated are called by what they generate from. */
export function refusal(attributes: AdmissionAttributes, why: string, causes?: readonly StatusCause[]): StatusError {
  const { name: own, generateName } = attributes.object?.metadata ?? { name: "" };
  const name = [attributes.name, own, generateName].find((text) => text !== undefined && text !== "") ?? "Unknown";
  const status = statuses.forbidden(attributes.resource, name, why);
  return new StatusError(
    causes === undefined ? status : { ...status, details: { ...status.details, causes: [...causes] } },
  );
}

/** Whether the attributes are about this resource (not a subresource) in one of the operations. */
export function concerns(
  attributes: AdmissionAttributes,
  group: string,
  resource: string,
  ...operations: readonly string[]
): boolean {
  return (
    attributes.subresource === "" &&
    attributes.resource.resource === resource &&
    attributes.resource.group === group &&
    operations.includes(attributes.operation)
  );
}
