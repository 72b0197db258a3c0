/** Checks that many kinds share: numbers, enumerations, presence. Each answers with errors, none when all is well. */
import {
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  type IntOrString,
  isPercentage,
  percentErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
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
  return typeof value === "number" ? notNegative(value, field) : wrong(field, value, percentErrors(value));
}

/** A percentage has at most a hundred parts; a count is not asked. */
export function atMostAll(value: IntOrString, field: string): FieldError[] {
  const parts = typeof value === "string" && isPercentage(value) ? Number(value.slice(0, -1)) : 0;
  return parts > 100 ? [fieldErrors.invalid(field, value, "must not be greater than 100%")] : [];
}

/** The path of an error that is about the object and none of its fields. */
export const wholeObject = "[]";

/** One "invalid value" for each thing that is wrong with it. */
export function wrong(field: string, value: unknown, details: readonly string[]): FieldError[] {
  return details.map((detail) => fieldErrors.invalid(field, value, detail));
}

export const dnsLabel = (value: string, field: string): FieldError[] => wrong(field, value, dnsLabelErrors(value));
export const dnsSubdomain = (value: string, field: string): FieldError[] =>
  wrong(field, value, dnsSubdomainErrors(value));
export const qualifiedName = (value: string, field: string): FieldError[] =>
  wrong(field, value, qualifiedNameErrors(value));

/** Absent is fine, anything else must be one of the supported. */
export function supported(value: string | undefined, values: readonly string[], field: string): FieldError[] {
  return value === undefined || values.includes(value) ? [] : [fieldErrors.notSupported(field, value, values)];
}

/** A number of a user or group. */
export function systemId(value: number | undefined, field: string): FieldError[] {
  return value === undefined || (value >= 0 && value <= 2147483647)
    ? []
    : [fieldErrors.invalid(field, value, "must be between 0 and 2147483647, inclusive")];
}

/** A domain of at least three parts, as webhooks are named. */
export function fullyQualifiedName(name: string, field: string): FieldError[] {
  if (name === "") return [fieldErrors.required(field)];
  const errors = dnsSubdomainErrors(name);
  if (errors.length > 0) return [fieldErrors.invalid(field, name, errors.join(","))];
  return name.split(".").length < 3
    ? [fieldErrors.invalid(field, name, "should be a domain with at least three segments separated by dots")]
    : [];
}

/** A domain name of at least two parts, as endpoints may have. */
export function fullyQualifiedDomainName(given: string, field: string): FieldError[] {
  if (given === "") return [fieldErrors.required(field)];
  const name = given.replace(/\.$/, "");
  const errors = dnsSubdomainErrors(name);
  if (errors.length > 0) return [fieldErrors.invalid(field, name, errors.join(","))];
  const labels = name.split(".");
  if (labels.length < 2)
    return [fieldErrors.invalid(field, name, "should be a domain with at least two segments separated by dots")];
  return labels.flatMap((label) => {
    const details = dnsLabelErrors(label);
    return details.length > 0 ? [fieldErrors.invalid(field, label, details.join(","))] : [];
  });
}

const pathShape = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** A domain, a slash and a path: names of controllers and finalizers. */
export function domainPrefixedPath(text: string, field: string): FieldError[] {
  if (text === "") return [fieldErrors.required(field)];
  const slash = text.indexOf("/");
  const [host, path] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash <= 0 || path === "")
    return [fieldErrors.invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  return [
    ...wrong(field, host, dnsSubdomainErrors(host)),
    ...(new RegExp(`^${pathShape}$`).test(path)
      ? []
      : [fieldErrors.invalid(field, path, `Invalid path (regex used for validation is '${pathShape}')`)]),
  ];
}
