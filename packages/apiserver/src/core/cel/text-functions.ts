// Functions on texts that Kubernetes adds to the expression language: charAt, replace, reverse, format, strings.quote, find, findAll, and
// those on URLs.
import type { Environment } from "@marcbachmann/cel-js";
import { goPattern, goRegExp } from "../custom/patterns.ts";

/** Only there so that `jsonpatch.escapeKey(…)` can be written. */
class JsonPointers {}

/** Only there so that `strings.quote(…)` can be written. */
class Strings {}

/** A URL as Go parses it: absolute, or a path. */
class Url {
  readonly url: URL;
  readonly isPath: boolean;

  constructor(url: URL, isPath: boolean) {
    this.url = url;
    this.isPath = isPath;
  }
}

export function addTextFunctions(environment: Environment): void {
  environment
    .registerFunction("string.charAt(int): string", (text: string, at: bigint) => {
      const index = Number(at);
      if (index < 0 || index > text.length) throw new Error(`index out of range: ${index}`);
      return text.charAt(index);
    })
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.split(from).join(to),
    )
    .registerFunction("string.replace(string, string, int): string", replaceSome)
    .registerFunction("string.reverse(): string", (text: string) => [...text].toReversed().join(""))
    .registerFunction("string.format(list): string", (text: string, values: readonly unknown[]) => format(text, values))
    // The library's own is for its own regular expressions; `environment.ts` calls this one in its place.
    .registerFunction("string.goMatches(string): bool", matches)
    .registerFunction("matches(string, string): bool", matches)
    .registerFunction(
      "string.find(string): string",
      (text: string, pattern: string) => regex(pattern).exec(text)?.[0] ?? "",
    )
    .registerFunction("string.findAll(string): list<string>", (text: string, pattern: string) => findAll(text, pattern))
    .registerFunction("string.findAll(string, int): list<string>", (text: string, pattern: string, most: bigint) =>
      most < 0n ? findAll(text, pattern) : findAll(text, pattern).slice(0, Number(most)),
    )
    .registerType("JsonPointers", JsonPointers)
    .registerConstant("jsonpatch", "JsonPointers", new JsonPointers())
    .registerFunction("JsonPointers.escapeKey(string): string", (_: JsonPointers, key: string) =>
      key.replaceAll("~", "~0").replaceAll("/", "~1"),
    )
    .registerType("Strings", Strings)
    .registerConstant("strings", "Strings", new Strings())
    .registerFunction("Strings.quote(string): string", (_: Strings, text: string) => JSON.stringify(text));
  addUrlFunctions(environment);
}

function addUrlFunctions(environment: Environment): void {
  const port = ({ url }: Url): string => url.port;
  const host = ({ url, isPath }: Url): string => (isPath ? "" : url.host);
  environment
    .registerType("Url", Url)
    .registerFunction("isURL(string): bool", (text: string) => parseUrl(text) !== undefined)
    .registerFunction("url(string): Url", (text: string) => {
      const url = parseUrl(text);
      if (!url)
        throw new Error(
          `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
        );
      return url;
    })
    .registerFunction("Url.getScheme(): string", ({ url, isPath }: Url) =>
      isPath ? "" : url.protocol.replace(/:$/, ""),
    )
    .registerFunction("Url.getHost(): string", host)
    .registerFunction("Url.getHostname(): string", ({ url, isPath }: Url) =>
      isPath ? "" : url.hostname.replace(/^\[(.*)\]$/, "$1"),
    )
    .registerFunction("Url.getPort(): string", port)
    .registerFunction("Url.getEscapedPath(): string", ({ url }: Url) => url.pathname)
    .registerFunction(
      "Url.getQuery(): map<string, list<string>>",
      ({ url }: Url) =>
        new Map([...new Set(url.searchParams.keys())].map((name) => [name, url.searchParams.getAll(name)])),
    );
}

function parseUrl(text: string): Url | undefined {
  const isPath = text.startsWith("/");
  const absolute = isPath ? `http://path${text}` : text;
  if (!isPath && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)) return undefined;
  return URL.canParse(absolute) ? new Url(new URL(absolute), isPath) : undefined;
}

function replaceSome(text: string, from: string, to: string, most: bigint): string {
  if (most < 0n) return text.split(from).join(to);
  const parts = text.split(from);
  const count = Math.min(Number(most), parts.length - 1);
  return (
    parts
      .slice(0, count)
      .map((part) => part + to)
      .join("") + parts.slice(count).join(from)
  );
}

function matches(text: string, pattern: string): boolean {
  try {
    return goPattern(pattern)(text);
  } catch (cause) {
    throw new Error(`Illegal regex: ${pattern}`, { cause });
  }
}

function regex(pattern: string): RegExp {
  try {
    return goRegExp(pattern);
  } catch (cause) {
    throw new Error(`Illegal regex: ${pattern}`, { cause });
  }
}

function findAll(text: string, pattern: string): string[] {
  return [...text.matchAll(regex(pattern))].map(([found]) => found);
}

/** The verbs %s, %d, %f, %e, %x, %X, %o, %b and %%. */
function format(text: string, values: readonly unknown[]): string {
  let at = 0;
  return text.replace(/%(?:\.(\d+))?([sdfexXob%])/g, (_, digits: string | undefined, verb: string) => {
    if (verb === "%") return "%";
    if (at >= values.length) throw new Error(`index ${at} out of range`);
    const value = values[at++];
    switch (verb) {
      case "s":
        return shown(value);
      case "d":
        return String(value);
      case "f":
        return Number(value).toFixed(Number(digits ?? 6));
      case "e":
        return Number(value).toExponential(Number(digits ?? 6));
      case "o":
      case "b":
        return BigInt(value as bigint).toString(verb === "o" ? 8 : 2);
      default: {
        const hex =
          typeof value === "string" ? Buffer.from(value).toString("hex") : BigInt(value as bigint).toString(16);
        return verb === "X" ? hex.toUpperCase() : hex;
      }
    }
  });
}

function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, "Z");
  if (value instanceof Map)
    return `{${[...value]
      .map(([name, item]) => `${shown(name)}: ${shown(item)}`)
      .toSorted()
      .join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return String(value);
}
