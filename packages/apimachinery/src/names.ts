/**
 * The rules for names, labels and annotations with Kubernetes' error texts (k8s.io/apimachinery/pkg/util/validation). Each function returns
 * what is wrong, nothing when the text is fine; the caller knows which field it was.
 */
const dns1123Label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const qualifiedPart = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const patterns = {
  label: new RegExp(`^${dns1123Label}$`),
  subdomain: new RegExp(`^${dns1123Label}(\\.${dns1123Label})*$`),
  label1035: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  qualified: new RegExp(`^${qualifiedPart}$`),
  labelValue: new RegExp(`^(${qualifiedPart})?$`),
  configMapKey: /^[-._a-zA-Z0-9]+$/,
  relaxedEnvVar: /^[ -<>-~]*$/,
  envVar: /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
  portName: /^[-a-z0-9]+$/,
  identifier: /^[A-Za-z_][A-Za-z0-9_]*$/,
};

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const label1035Text =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const qualifiedText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** RFC 1123 label: names of namespaces, containers, ports of pods. */
export function dnsLabelErrors(text: string): string[] {
  // A subdomain that is no label can only have dots too many.
  if (text.includes(".") && patterns.subdomain.test(text)) return [...tooLong(text, 63), "must not contain dots"];
  return [...tooLong(text, 63), ...mismatch(text, patterns.label, labelText, dns1123Label, ["my-name", "123-abc"])];
}

/** RFC 1123 subdomain: names of most objects. */
export function dnsSubdomainErrors(text: string): string[] {
  return subdomainErrors(text, "characters");
}

function subdomainErrors(text: string, unit: Unit): string[] {
  const shape = `${dns1123Label}(\\.${dns1123Label})*`;
  return [...tooLong(text, 253, unit), ...mismatch(text, patterns.subdomain, subdomainText, shape, ["example.com"])];
}

/** RFC 1035 label: names of services. */
export function dns1035LabelErrors(text: string): string[] {
  return [
    ...tooLong(text, 63),
    ...mismatch(text, patterns.label1035, label1035Text, "[a-z]([-a-z0-9]*[a-z0-9])?", ["my-name", "abc-123"]),
  ];
}

/** A wildcard subdomain such as "*.example.com". */
export function wildcardDnsErrors(text: string): string[] {
  const shape = `\\*\\.${dns1123Label}(\\.${dns1123Label})*`;
  const words =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...tooLong(text, 253), ...mismatch(text, new RegExp(`^${shape}$`), words, shape, ["*.example.com"])];
}

/** A label key, annotation key or resource name: an optional prefix and a name. */
export function qualifiedNameErrors(text: string): string[] {
  const parts = text.split("/");
  const [first = "", second] = parts;
  if (parts.length > 2) {
    return [
      `a valid label key ${withExample(qualifiedText, qualifiedPart, ["MyName", "my.name", "123-abc"])} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  const name = second ?? first;
  if (second !== undefined) {
    if (first === "") errors.push("prefix part must be non-empty");
    else errors.push(...subdomainErrors(first, "bytes").map((error) => `prefix part ${error}`));
  }
  if (name === "") errors.push("name part must be non-empty");
  else if (name.length > 63) errors.push("name part must be no more than 63 bytes");
  if (!patterns.qualified.test(name)) {
    errors.push(`name part ${withExample(qualifiedText, qualifiedPart, ["MyName", "my.name", "123-abc"])}`);
  }
  return errors;
}

export function labelValueErrors(text: string): string[] {
  return [
    ...tooLong(text, 63, "bytes"),
    ...mismatch(text, patterns.labelValue, labelValueText, `(${qualifiedPart})?`, ["MyValue", "my_value", "12345"]),
  ];
}

/** A key of a ConfigMap or Secret. */
export function configMapKeyErrors(text: string): string[] {
  const words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
  const errors = [
    ...tooLong(text, 253),
    ...mismatch(text, patterns.configMapKey, words, "[-._a-zA-Z0-9]+", ["key.name", "KEY_NAME", "key-name"]),
  ];
  return [...errors, ...dotErrors(text)];
}

/** The name of an environment variable: printable ASCII without "=". */
export function envVarNameErrors(text: string): string[] {
  if (text === "") return ["environment variable name must be non-empty"];
  return patterns.relaxedEnvVar.test(text)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** The name of a port of a container: an IANA service name. */
export function portNameErrors(text: string): string[] {
  const errors: string[] = [];
  if (text.length > 15) errors.push("must be no more than 15 characters");
  if (!patterns.portName.test(text))
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(text)) errors.push("must contain at least one letter (a-z)");
  if (text.includes("--")) errors.push("must not contain consecutive hyphens");
  if (text !== "" && (text.startsWith("-") || text.endsWith("-"))) errors.push("must not begin or end with a hyphen");
  return errors;
}

export function portNumberErrors(port: number): string[] {
  return port >= 1 && port <= 65535 ? [] : ["must be between 1 and 65535, inclusive"];
}

/** A name that becomes a segment of a URL: names of roles and other objects without DNS rules. */
export function pathSegmentErrors(text: string): string[] {
  if (text === "." || text === "..") return [`may not be '${text}'`];
  return ["/", "%"].filter((piece) => text.includes(piece)).map((piece) => `may not contain '${piece}'`);
}

/** The name of an HTTP header. */
export function httpHeaderErrors(text: string): string[] {
  const words = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return mismatch(text, /^[-A-Za-z0-9]+$/, words, "[-A-Za-z0-9]+", ["X-Header-Name"]);
}

/** A subdomain in which underscores are allowed: search paths of DNS. */
export function dnsSubdomainWithUnderscoreErrors(text: string): string[] {
  const label = "[a-z0-9_]([-_a-z0-9]*[a-z0-9])?";
  const words =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  const shape = `${label}(\\.${label})*`;
  return [...tooLong(text, 253), ...mismatch(text, new RegExp(`^${shape}$`), words, shape, ["example.com"])];
}

/** A percentage such as "25%". */
export function percentErrors(text: string): string[] {
  const words = "a valid percent string must be a numeric string followed by an ending '%'";
  return mismatch(text, /^[0-9]+%$/, words, "[0-9]+%", ["1%", "93%"]);
}

/** "must be …" with the rule's pattern and examples, as Kubernetes words it. */
export function withExample(words: string, pattern: string, examples: readonly string[]): string {
  const quoted = examples.map((example, at) => (at === 0 ? `'${example}', ` : `or '${example}', `)).join(" ");
  return `${words} (e.g. ${quoted}regex used for validation is '${pattern}')`;
}

/** Labels' limits are said in bytes, others in characters; bytes are counted for all. */
type Unit = "bytes" | "characters";

function tooLong(text: string, most: number, unit: Unit = "characters"): string[] {
  return Buffer.byteLength(text) > most ? [`must be no more than ${most} ${unit}`] : [];
}

function mismatch(text: string, pattern: RegExp, words: string, shape: string, examples: readonly string[]): string[] {
  return pattern.test(text) ? [] : [withExample(words, shape, examples)];
}

function dotErrors(text: string): string[] {
  if (text === ".") return [`must not be '.'`];
  if (text === "..") return [`must not be '..'`];
  return text.startsWith("..") ? [`must not start with '..'`] : [];
}
