/** Names of signers: a domain and a path, as requests and trust bundles use them. */
import { dnsLabelErrors, dnsSubdomainErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";

const { invalid, required } = fieldErrors;

export function signerName(name: string, field: string): FieldError[] {
  if (name === "") return [required(field)];
  const [domain = "", path, ...rest] = name.split("/");
  if (path === undefined || rest.length > 0) {
    const words = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid(field, name, words)];
  }
  const errors = domain.length > 253 ? [fieldErrors.tooLong(field, "", 253)] : [];
  const labels = domain.split(".");
  errors.push(...firstBad(labels, domain, dnsLabelErrors, field));
  if (labels.length < 2)
    errors.push(invalid(field, domain, "should be a domain with at least two segments separated by dots"));
  return [...errors, ...firstBad(path.split("."), path, dnsSubdomainErrors, field)];
}

function firstBad(
  labels: readonly string[],
  whole: string,
  rule: (text: string) => string[],
  field: string,
): FieldError[] {
  for (const label of labels) {
    const details = rule(label);
    if (details.length > 0)
      return details.map((detail) => invalid(field, whole, `validating label ${JSON.stringify(label)}: ${detail}`));
  }
  return [];
}
