// How a webhook's refusal, and its silence, are told to the client: apiserver's `webhook/errors`, in its words.
import type { Status } from "@coxswain/apimachinery";
import { StatusError, statuses } from "@coxswain/apimachinery";

/** The status that the webhook gave, never below 400 and never a success, with its name in front. */
export function denied(hook: string, given: Readonly<Record<string, unknown>> | undefined): StatusError {
  const by = `admission webhook ${JSON.stringify(hook)} denied the request`;
  const { message, reason, code, details } = (given ?? {}) as Partial<Record<keyof Status, unknown>>;
  const why = [message, reason].find((text) => typeof text === "string" && text !== "");
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: why === undefined ? `${by} without explanation` : `${by}: ${String(why)}`,
    ...(typeof reason === "string" && reason !== "" && { reason: reason as NonNullable<Status["reason"]> }),
    ...(typeof details === "object" && details !== null && { details }),
    code: typeof code === "number" && code >= 400 && code < 600 ? Math.trunc(code) : 400,
  } satisfies Status;
  return new StatusError(status);
}

export function dryRunUnsupported(hook: string): StatusError {
  return new StatusError(statuses.badRequest(`admission webhook ${JSON.stringify(hook)} does not support dry run`));
}

/** The webhook could not be asked, and without its word the request is not let in. */
export function unreachable(hook: string, why: string, cause: unknown): StatusError {
  return new StatusError(statuses.internalError(`failed calling webhook ${JSON.stringify(hook)}: ${why}`), { cause });
}
