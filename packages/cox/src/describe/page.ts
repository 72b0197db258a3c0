// A page of `describe`: lines with tabs at levels, aligned as kubectl aligns them; and the pieces that pages share.
import { humanDuration } from "@coxswain/apimachinery";
import { alignTabs, pageTabs } from "../print/tabs.ts";
import type { Obj } from "../resource/api.ts";

/** Any part of an object, read field by field. */
export type Part = Readonly<Record<string, unknown>>;

export const part = (value: unknown): Part =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Part) : {};
export const list = (value: unknown): readonly Part[] => (Array.isArray(value) ? (value as Part[]) : []);
export const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
/** A scalar as text; "" where there is none. */
export const str = (value: unknown): string =>
  value === undefined || value === null || typeof value === "object" ? "" : String(value as string | number | boolean);
export const num = (value: unknown): number => Number(str(value) || 0);

export class Page {
  readonly now: number;
  readonly #blocks: string[] = [];
  #block = "";

  constructor(now: number) {
    this.now = now;
  }

  /** One line, two blanks a level. */
  line(level: number, text: string): void {
    this.#block += `${"  ".repeat(level)}${text}\n`;
  }

  raw(text: string): void {
    this.#block += text;
  }

  /** What follows is aligned by itself. */
  flush(): void {
    this.#blocks.push(alignTabs(this.#block, pageTabs));
    this.#block = "";
  }

  text(): string {
    this.flush();
    return this.#blocks.join("");
  }

  /** "12m", or "<unknown>". */
  since(time: unknown): string {
    return str(time) === "" ? "<unknown>" : humanDuration(this.now - Date.parse(str(time)));
  }
}

const longestAnnotation = 140;

export function labels(page: Page, title: string, values: unknown): void {
  const entries = Object.entries(part(values)).sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length === 0) return page.line(0, `${title}:\t<none>`);
  entries.forEach(([key, value], at) => page.line(0, `${at === 0 ? `${title}:` : ""}\t${key}=${str(value)}`));
}

export function annotations(page: Page, values: unknown, title = "Annotations"): void {
  const entries = Object.entries(part(values))
    .filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration")
    .sort(([left], [right]) => (left < right ? -1 : 1));
  if (entries.length === 0) return page.line(0, `${title}:\t<none>`);
  entries.forEach(([key, value], at) => {
    const text = str(value).replace(/\n$/, "");
    const front = at === 0 ? `${title}:\t` : "\t";
    if (text.length + key.length + 2 <= longestAnnotation && !text.includes("\n"))
      return page.line(0, `${front}${key}: ${text}`);
    page.line(0, `${front}${key}:`);
    for (const each of text.split("\n"))
      page.line(0, `\t  ${each.length > longestAnnotation - 2 ? `${each.slice(0, longestAnnotation - 2)}...` : each}`);
  });
}

/** Name, namespace, labels and annotations, as most pages begin. */
export function head(page: Page, object: Obj, namespaced = true): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  if (namespaced) page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
}

/** "Mon, 02 Jan 2006 15:04:05 +0000". */
export function longTime(time: unknown): string {
  if (str(time) === "") return "Mon, 01 Jan 0001 00:00:00 +0000";
  return new Date(Date.parse(str(time))).toUTCString().replace(/GMT$/, "+0000");
}

export function controlledBy(object: Obj): string | undefined {
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner && `${owner.kind}/${owner.name}`;
}

/** "a=b,c in (d)" of a selector in an object; "<none>" for an empty one. */
export function selectorText(selector: unknown, empty = "<none>"): string {
  const { matchLabels, matchExpressions } = part(selector);
  const operators: Readonly<Record<string, string>> = { In: "in", NotIn: "notin" };
  const terms = [
    ...Object.entries(part(matchLabels)).map(([key, value]): [string, string] => [key, `${key}=${str(value)}`]),
    ...list(matchExpressions).map((term): [string, string] => {
      const key = str(term["key"]);
      if (term["operator"] === "Exists") return [key, key];
      if (term["operator"] === "DoesNotExist") return [key, `!${key}`];
      return [key, `${key} ${operators[str(term["operator"])] ?? ""} (${[...texts(term["values"])].sort().join(",")})`];
    }),
  ].sort(([left], [right]) => (left < right ? -1 : 1));
  return terms.length === 0 ? empty : terms.map(([, term]) => term).join(",");
}

export function mapText(values: unknown, empty = "<none>"): string {
  const entries = Object.entries(part(values)).sort(([left], [right]) => (left < right ? -1 : 1));
  return entries.length === 0 ? empty : entries.map(([key, value]) => `${key}=${str(value)}`).join(",");
}

/** The table of events at the end of a page. */
export function events(page: Page, items: readonly Obj[] | undefined): void {
  if (items === undefined) return;
  if (items.length === 0) return page.line(0, "Events:\t<none>");
  page.flush();
  page.raw("Events:\n  Type\tReason\tAge\tFrom\tMessage\n");
  page.line(1, "----\t------\t----\t----\t-------");
  const last = (event: Obj): number =>
    Date.parse(
      str(part(event["series"])["lastObservedTime"]) ||
        str(event["lastTimestamp"]) ||
        str(event["eventTime"]) ||
        "1970-01-01T00:00:00Z",
    );
  for (const event of items.toSorted((left, right) => last(left) - last(right))) {
    const first = page.since(event["eventTime"] ?? event["firstTimestamp"]);
    const series = part(event["series"]);
    const age =
      series["count"] !== undefined
        ? `${page.since(series["lastObservedTime"])} (x${num(series["count"])} over ${first})`
        : num(event["count"]) > 1
          ? `${page.since(event["lastTimestamp"])} (x${num(event["count"])} over ${first})`
          : first;
    const source = str(part(event["source"])["component"]) || str(event["reportingComponent"]);
    page.line(1, `${str(event["type"])}\t${str(event["reason"])}\t${age}\t${source}\t${str(event["message"]).trim()}`);
  }
}
