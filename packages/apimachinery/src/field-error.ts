/**
 * What validation says about one field, in the words of Kubernetes (k8s.io/apimachinery/pkg/util/validation/field): a path, a type of error,
 * the value found and a detail. Building the list is the business of whoever knows the kind.
 */
export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "InternalError"
  | "FieldValueTypeInvalid";

/** One reason of a failure, as it stands in a Status. */
export interface StatusCause {
  reason?: string | undefined;
  message?: string | undefined;
  field?: string | undefined;
}

export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  readonly value?: unknown;
  readonly detail: string;
  /** The value says nothing to whoever reads the message. */
  readonly omitsValue?: boolean;
}

/** A value of an error that is shown as it stands: a structure of Go's, whose members have an order and names of their own. */
export class GoValue {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Constructors of field errors, one per type. */
export const fieldErrors = {
  notFound: (field: string, value: unknown, detail = ""): FieldError => ({
    type: "FieldValueNotFound",
    field,
    value,
    detail,
  }),
  required: (field: string, detail = ""): FieldError => ({ type: "FieldValueRequired", field, detail }),
  duplicate: (field: string, value: unknown, detail = ""): FieldError => ({
    type: "FieldValueDuplicate",
    field,
    value,
    detail,
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: "FieldValueInvalid",
    field,
    value,
    detail,
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: "FieldValueTypeInvalid",
    field,
    value,
    detail,
  }),
  notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
    const list = supported.map((item) => JSON.stringify(item));
    const detail = list.length > 0 ? `supported values: ${list.join(", ")}` : "";
    return { type: "FieldValueNotSupported", field, value, detail };
  },
  forbidden: (field: string, detail: string): FieldError => ({ type: "FieldValueForbidden", field, detail }),
  tooLong(field: string, _value: unknown, maximum: number): FieldError {
    const detail = maximum < 0 ? "value is too long" : `may not be more than ${maximum} bytes`;
    return { type: "FieldValueTooLong", field, value: "<value omitted>", detail };
  },
  tooMany(field: string, actual: number, maximum: number): FieldError {
    const detail = maximum < 0 ? "has too many items" : `must have at most ${maximum} item${maximum === 1 ? "" : "s"}`;
    return { type: "FieldValueTooMany", field, value: actual, detail };
  },
  internal: (field: string, detail: string): FieldError => ({ type: "InternalError", field, detail }),
};

const titles: Record<FieldErrorType, string> = {
  FieldValueNotFound: "Not found",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  InternalError: "Internal error",
  FieldValueTypeInvalid: "Invalid value",
};

/** The message without the path, such as `Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorBody(error: FieldError): string {
  const title = titles[error.type];
  const bare =
    error.type === "FieldValueRequired" || error.type === "FieldValueForbidden" || error.type === "InternalError";
  const tooLong = error.type === "FieldValueTooLong";
  const head = bare || tooLong || error.omitsValue === true ? title : `${title}: ${describe(error.value)}`;
  return error.detail === "" ? head : `${head}: ${error.detail}`;
}

/** `spec.replicas: Invalid value: -1: must be …` */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`;
}

/** One error alone, several in brackets, each text once: Kubernetes' aggregate. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** The same as a cause in a Status. */
export function causeOf(error: FieldError): StatusCause {
  return { reason: error.type, message: fieldErrorBody(error), field: error.field };
}

/** Values as these messages show them: text quoted, numbers bare, the rest as JSON, with the keys of maps in order. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (value instanceof GoValue) return value.text;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return JSON.stringify(value, (_key, inner: unknown) => (isTextMap(inner) ? sorted(inner) : inner));
}

/** Labels, annotations, parameters: Go writes the keys of maps in order, members of structures as they are declared. */
function isTextMap(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((member) => typeof member === "string")
  );
}

function sorted(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}
