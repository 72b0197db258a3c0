/** Checks that many kinds share: numbers, enumerations, presence. Each answers with errors, none when all is well. */
import {
  type FieldError,
  fieldErrors,
  type IntOrString,
  isPercentage,
  portNameErrors,
  portNumberErrors,
} from "@coxswain/apimachinery";

export function notNegative(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value < 0
    ? [fieldErrors.invalid(field, value, "must be greater than or equal to 0")]
    : [];
}

export function positive(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value <= 0 ? [fieldErrors.invalid(field, value, "must be greater than 0")] : [];
}

/** Present and one of the supported. */
export function oneOf(value: string | undefined, supported: readonly string[], field: string): FieldError[] {
  if (value === undefined || value === "") return [fieldErrors.required(field)];
  return supported.includes(value) ? [] : [fieldErrors.notSupported(field, value, supported)];
}

export function present(value: string | undefined, field: string, detail = ""): FieldError[] {
  return value === undefined || value === "" ? [fieldErrors.required(field, detail)] : [];
}

export function named(name: string | undefined, rule: (name: string) => string[], field: string): FieldError[] {
  if (name === undefined || name === "") return [fieldErrors.required(field)];
  return rule(name).map((detail) => fieldErrors.invalid(field, name, detail));
}

export function portNumber(port: number | undefined, field: string): FieldError[] {
  return portNumberErrors(port ?? 0).map((detail) => fieldErrors.invalid(field, port ?? 0, detail));
}

export function portNumberOrName(port: IntOrString, field: string): FieldError[] {
  if (typeof port === "number") return portNumber(port, field);
  return portNameErrors(port).map((detail) => fieldErrors.invalid(field, port, detail));
}

/** A count, or a percentage that is one. */
export function countOrPercentage(value: IntOrString, field: string): FieldError[] {
  if (typeof value === "number") return notNegative(value, field);
  if (isPercentage(value)) return [];
  return [
    fieldErrors.invalid(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ),
  ];
}

/** The second and later uses of a value. */
export function duplicates(items: readonly { readonly value: string; readonly field: string }[]): FieldError[] {
  const seen = new Set<string>();
  return items.flatMap(({ value, field }) => {
    if (!seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [fieldErrors.duplicate(field, value)];
  });
}
