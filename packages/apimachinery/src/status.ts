/**
 * `Status`, the answer to a request that went wrong (or has nothing else to say), and the constructors with Kubernetes' own texts
 * (k8s.io/apimachinery/pkg/api/errors). They build values; `StatusError` is how one is thrown.
 */
import type { ListMeta } from "./meta.ts";
import { qualifiedName } from "./object.ts";
import { aggregateText, causeOf, type FieldError, type StatusCause } from "./field-error.ts";

export interface Status {
  apiVersion: "v1";
  kind: "Status";
  metadata: ListMeta;
  status: "Success" | "Failure";
  message?: string | undefined;
  reason?: StatusReason | undefined;
  details?: StatusDetails | undefined;
  code: number;
}

export interface StatusDetails {
  name?: string | undefined;
  group?: string | undefined;
  kind?: string | undefined;
  uid?: string | undefined;
  causes?: StatusCause[] | undefined;
  retryAfterSeconds?: number | undefined;
}

export type StatusReason =
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Invalid"
  | "ServerTimeout"
  | "StoreReadError"
  | "Timeout"
  | "TooManyRequests"
  | "BadRequest"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "InternalError"
  | "Expired"
  | "ServiceUnavailable";

/** The name of a resource in a message: the group is "" for core. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** Carries a Status through code that throws. Its message is the status's message. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? "unknown", options);
    this.name = "StatusError";
    this.status = status;
  }
}

/** The reason of a thrown Status; undefined for everything else. */
export function reasonOf(error: unknown): StatusReason | undefined {
  return error instanceof StatusError ? error.status.reason : undefined;
}

export const isNotFound = (error: unknown): boolean => reasonOf(error) === "NotFound";
export const isAlreadyExists = (error: unknown): boolean => reasonOf(error) === "AlreadyExists";
export const isConflict = (error: unknown): boolean => reasonOf(error) === "Conflict";
export const isInvalid = (error: unknown): boolean => reasonOf(error) === "Invalid";
export const isForbidden = (error: unknown): boolean => reasonOf(error) === "Forbidden";
export const isGone = (error: unknown): boolean => reasonOf(error) === "Gone" || reasonOf(error) === "Expired";

/** One constructor per way to fail, with the code, reason, details and words that Kubernetes uses. */
export const statuses = {
  /** The answer of a delete that left nothing to show. */
  success(details?: StatusDetails): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      ...(details && { details }),
      code: 200,
    };
  },
  notFound(of: GroupResource, name: string): Status {
    return failure(404, "NotFound", `${text(of)} ${quote(name)} not found`, named(of, name));
  },
  /** The path leads nowhere: what an unknown URL gets. */
  pathNotFound(): Status {
    return failure(404, "NotFound", "the server could not find the requested resource", {});
  },
  alreadyExists(of: GroupResource, name: string): Status {
    return failure(409, "AlreadyExists", `${text(of)} ${quote(name)} already exists`, named(of, name));
  },
  generateNameConflict(of: GroupResource, name: string, retryAfterSeconds: number): Status {
    const message = `${text(of)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`;
    return failure(409, "AlreadyExists", message, { ...named(of, name), ...retry(retryAfterSeconds) });
  },
  conflict(of: GroupResource, name: string, why: string): Status {
    return failure(
      409,
      "Conflict",
      `Operation cannot be fulfilled on ${text(of)} ${quote(name)}: ${why}`,
      named(of, name),
    );
  },
  applyConflict(causes: readonly StatusCause[], message: string): Status {
    return failure(409, "Conflict", message, { causes: [...causes] });
  },
  unauthorized(message = "Unauthorized"): Status {
    return failure(401, "Unauthorized", message);
  },
  forbidden(of: GroupResource, name: string, why: string): Status {
    const subject = of.resource === "" ? "" : name === "" ? `${text(of)} is ` : `${text(of)} ${quote(name)} is `;
    return failure(403, "Forbidden", `${subject}forbidden: ${why}`, named(of, name));
  },
  gone(message: string): Status {
    return failure(410, "Gone", message);
  },
  expired(message: string): Status {
    return failure(410, "Expired", message);
  },
  /** A list of field errors about one object of a kind. */
  invalid(of: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): Status {
    const subject = `${qualifiedName(of.kind, of.group)} ${quote(name)} is invalid`;
    const details = named({ group: of.group, resource: of.kind }, name);
    if (errors.length === 0) return failure(422, "Invalid", subject, details);
    return failure(422, "Invalid", `${subject}: ${aggregateText(errors)}`, { ...details, causes: errors.map(causeOf) });
  },
  badRequest(message: string): Status {
    return failure(400, "BadRequest", message);
  },
  methodNotSupported(of: GroupResource, action: string): Status {
    return failure(
      405,
      "MethodNotAllowed",
      `${action} is not supported on resources of kind ${quote(text(of))}`,
      named(of, ""),
    );
  },
  /** What a known path answers to a verb it does not have. */
  methodNotAllowed(): Status {
    return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
  },
  notAcceptable(accepted: readonly string[]): Status {
    return failure(406, "NotAcceptable", `only the following media types are accepted: ${accepted.join(", ")}`);
  },
  unsupportedMediaType(accepted: readonly string[]): Status {
    const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
    return failure(415, "UnsupportedMediaType", message);
  },
  requestEntityTooLarge(message: string): Status {
    return failure(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
  },
  tooManyRequests(message: string, retryAfterSeconds: number): Status {
    return failure(429, "TooManyRequests", message, retry(retryAfterSeconds));
  },
  serviceUnavailable(message: string): Status {
    return failure(503, "ServiceUnavailable", message);
  },
  serverTimeout(of: GroupResource, operation: string, retryAfterSeconds: number): Status {
    const message = `The ${operation} operation against ${text(of)} could not be completed at this time, please try again.`;
    return failure(500, "ServerTimeout", message, { ...named(of, operation), ...retry(retryAfterSeconds) });
  },
  timeout(message: string, retryAfterSeconds: number): Status {
    return failure(504, "Timeout", `Timeout: ${message}`, retry(retryAfterSeconds));
  },
  internalError(message: string): Status {
    return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
  },
};

function failure(code: number, reason: StatusReason, message: string, details?: StatusDetails): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details && { details }),
    code,
  };
}

function named(of: GroupResource, name: string): StatusDetails {
  return {
    ...(name !== "" && { name }),
    ...(of.group !== "" && { group: of.group }),
    ...(of.resource !== "" && { kind: of.resource }),
  };
}

function retry(retryAfterSeconds: number): StatusDetails {
  return retryAfterSeconds > 0 ? { retryAfterSeconds } : {};
}

function text(of: GroupResource): string {
  return qualifiedName(of.resource, of.group);
}

/** Go's %q for the texts that occur here. */
function quote(value: string): string {
  return JSON.stringify(value);
}
