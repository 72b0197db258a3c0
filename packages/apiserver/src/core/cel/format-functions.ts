// Named formats in expressions: `format.dns1123Label().validate(name)` says what is wrong with a text, or nothing. After apiserver's
// `cel/library/format.go`.
import type { Environment } from "@marcbachmann/cel-js";
import { Optional } from "@marcbachmann/cel-js";
import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";

type Check = (text: string) => readonly string[];

/** Only there so that `format.uri()` can be written. */
class Formats {}

class Format {
  readonly check: Check;

  constructor(check: Check) {
    this.check = check;
  }
}

/** A prefix may end with a dash: more follows it. */
const asPrefix =
  (check: Check): Check =>
  (text) =>
    check(text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text);

const matching =
  (pattern: RegExp, words: string): Check =>
  (text) =>
    pattern.test(text) ? [] : [words];

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const dateTime = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

const checks: Readonly<Record<string, Check>> = {
  dns1123Label: dnsLabelErrors,
  dns1123Subdomain: dnsSubdomainErrors,
  dns1035Label: dns1035LabelErrors,
  dns1123LabelPrefix: asPrefix(dnsLabelErrors),
  dns1123SubdomainPrefix: asPrefix(dnsSubdomainErrors),
  dns1035LabelPrefix: asPrefix(dns1035LabelErrors),
  qualifiedName: qualifiedNameErrors,
  labelValue: labelValueErrors,
  uri: (text) => {
    const isUri = text.startsWith("/")
      ? !/[\s]/.test(text)
      : /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && URL.canParse(text);
    return isUri ? [] : [`parse ${JSON.stringify(text)}: invalid URI for request`];
  },
  uuid: matching(uuid, "does not match the UUID format"),
  byte: matching(base64, "invalid base64"),
  date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? [] : ["invalid date"]),
  datetime: (text) => (dateTime.test(text) && !Number.isNaN(Date.parse(text)) ? [] : ["invalid datetime"]),
};

export function addFormatFunctions(environment: Environment): void {
  environment
    .registerType("Formats", Formats)
    .registerType("Format", Format)
    .registerConstant("format", "Formats", new Formats())
    .registerFunction("Format.validate(string): optional<list<string>>", ({ check }: Format, text: string) => {
      const errors = check(text);
      return errors.length === 0 ? Optional.none() : Optional.of([...errors]);
    })
    .registerFunction("Formats.named(string): optional<Format>", (_: Formats, name: string) => {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      return check ? Optional.of(new Format(check)) : Optional.none();
    });
  for (const [name, check] of Object.entries(checks)) {
    const format = new Format(check);
    environment.registerFunction(`Formats.${name}(): Format`, () => format);
  }
}
