// kubectl's JSONPath: texts with {expressions}; fields, wildcards, indexes, slices, unions, filters, recursive descent, range/end.
// Two halves: `parseJsonPath` reads (and throws what kubectl says of a bad one), `evaluateJsonPath` gives values.
import { goText } from "./go-format.ts";
import { compactJson, sortKeys } from "./json.ts";

export type Node =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "list"; readonly nodes: readonly Node[] }
  | { readonly type: "field"; readonly name: string }
  | { readonly type: "wildcard" }
  | { readonly type: "recursive" }
  | {
      readonly type: "array";
      readonly from: number | undefined;
      readonly to: number | undefined;
      readonly step: number;
      readonly single: boolean;
    }
  | { readonly type: "union"; readonly nodes: readonly Node[] }
  | {
      readonly type: "filter";
      readonly left: readonly Node[];
      readonly operator: string;
      readonly right: readonly Node[];
    }
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "range" }
  | { readonly type: "end" };

export class JsonPathError extends Error {
  override readonly name = "JsonPathError";
}

const fail = (message: string): never => {
  throw new JsonPathError(message);
};

/** Parts of the text: plain text, and one list of nodes for each pair of braces. */
export function parseJsonPath(template: string): readonly Node[] {
  const nodes: Node[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    if (open < 0) {
      nodes.push({ type: "text", text: template.slice(at) });
      break;
    }
    if (open > at) nodes.push({ type: "text", text: template.slice(at, open) });
    const close = closing(template, open + 1, "}", "unclosed action");
    nodes.push({ type: "list", nodes: parseExpression(template.slice(open + 1, close)) });
    at = close + 1;
  }
  return nodes;
}

function closing(text: string, from: number, sign: string, otherwise: string): number {
  let quote = "";
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (quote !== "") {
      if (letter === "\\") at += 1;
      else if (letter === quote) quote = "";
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === sign) return at;
    else if (letter === "[") at = closing(text, at + 1, "]", "unterminated array");
    else if (letter === "(" && sign !== "}") at = closing(text, at + 1, ")", "unterminated filter");
  }
  return fail(otherwise);
}

const endOfName = /[\s,|.[\](){}"'=<>!&$@:*]/;

function parseExpression(text: string): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  while (at < text.length) {
    const letter = text[at] ?? "";
    if (/\s/.test(letter)) at += 1;
    else if (letter === "@" || letter === "$") {
      at += 1;
    } else if (letter === "'" || letter === '"') {
      const close = closingQuote(text, at);
      nodes.push({ type: "text", text: unquote(text.slice(at, close + 1)) });
      at = close + 1;
    } else if (letter === "[") {
      const close = closing(text, at + 1, "]", "unterminated array");
      nodes.push(parseBrackets(text.slice(at + 1, close)));
      at = close + 1;
    } else if (letter === ".") {
      if (text[at + 1] === ".") {
        nodes.push({ type: "recursive" });
        at += 2;
        if (at < text.length && text[at] !== "." && text[at] !== "[") at = name(text, at, nodes);
      } else at = name(text, at + 1, nodes);
    } else if (letter === "*") {
      nodes.push({ type: "wildcard" });
      at += 1;
    } else if (/[-+0-9]/.test(letter)) {
      const [number = ""] = /^[-+]?[0-9.]+/.exec(text.slice(at)) ?? [""];
      if (number === "")
        fail(
          `unrecognized character in action: U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")} '${letter}'`,
        );
      nodes.push({ type: "value", value: Number(number) });
      at += number.length;
    } else if (/[\w]/.test(letter)) {
      const [word = ""] = /^[\w-]+/.exec(text.slice(at)) ?? [""];
      if (word === "range") nodes.push({ type: "range" });
      else if (word === "end") nodes.push({ type: "end" });
      else if (word === "true" || word === "false") nodes.push({ type: "value", value: word === "true" });
      else if (nodes.length === 0) nodes.push({ type: "field", name: word });
      else fail(`unrecognized identifier ${word}`);
      at += word.length;
    } else
      fail(
        `unrecognized character in action: U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")} '${letter}'`,
      );
  }
  return nodes;
}

/** A name behind a dot: everything up to a sign; a backslash takes the next sign as it is. */
function name(text: string, from: number, nodes: Node[]): number {
  let found = "";
  let at = from;
  for (; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (letter === "\\" && at + 1 < text.length) found += text[(at += 1)] ?? "";
    else if (letter === "*" && found === "") {
      nodes.push({ type: "wildcard" });
      return at + 1;
    } else if (endOfName.test(letter)) break;
    else found += letter;
  }
  // "{.}" is the whole.
  if (found !== "") nodes.push({ type: "field", name: found });
  return at;
}

function closingQuote(text: string, from: number): number {
  const quote = text[from];
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote) return at;
  }
  return fail("unterminated quoted string");
}

function unquote(text: string): string {
  const inner = text.slice(1, -1);
  return inner.replace(/\\(n|t|r|\\|'|"|u[0-9a-fA-F]{4})/g, (_whole, sign: string) => {
    if (sign.startsWith("u")) return String.fromCharCode(parseInt(sign.slice(1), 16));
    return { n: "\n", t: "\t", r: "\r" }[sign] ?? sign;
  });
}

function parseBrackets(inner: string): Node {
  const text = inner.trim();
  if (text.startsWith("?(") && text.endsWith(")")) return parseFilter(text.slice(2, -1));
  const parts = splitOutside(text, ",");
  if (parts.length > 1) return { type: "union", nodes: parts.map((part) => parseBrackets(part)) };
  if (text === "*") return { type: "wildcard" };
  if (/^'(?:[^'\\]|\\.)*'$/.test(text) || /^"(?:[^"\\]|\\.)*"$/.test(text))
    return { type: "field", name: unquote(text) };
  const slice = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(text);
  if (!slice || text === "") return fail(`invalid array index ${text}`);
  const [, from = "", to, step] = slice;
  const single = to === undefined;
  if (single && from === "") return fail(`invalid array index ${text}`);
  return {
    type: "array",
    from: from === "" ? undefined : Number(from),
    to: to === undefined || to === "" ? undefined : Number(to),
    step: step === undefined || step === "" ? 1 : Number(step),
    single,
  };
}

function splitOutside(text: string, sign: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = "";
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (quote !== "") {
      if (letter === "\\") at += 1;
      else if (letter === quote) quote = "";
    } else if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "(" || letter === "[") depth += 1;
    else if (letter === ")" || letter === "]") depth -= 1;
    else if (depth === 0 && letter === sign) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function parseFilter(text: string): Node {
  const found =
    /^((?:[^'"=<>!]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\[\?\(.*?\)\])*?)\s*(==|!=|<=|>=|<|>|=)\s*(.*)$/s.exec(text);
  if (!found) return { type: "filter", left: parseExpression(text), operator: "exists", right: [] };
  return {
    type: "filter",
    left: parseExpression(found[1] ?? ""),
    operator: found[2] ?? "",
    right: parseExpression(found[3] ?? ""),
  };
}

/** What to do where a field is missing: kubectl's `get` goes on, `custom-columns` and `sort-by`, too; strict ones throw. */
export interface JsonPathOptions {
  readonly allowMissing: boolean;
}

/** One list of values for each list of nodes and text, ranges unrolled. */
export function evaluateJsonPath(nodes: readonly Node[], data: unknown, options: JsonPathOptions): unknown[][] {
  const results: unknown[][] = [];
  let index = 0;
  const run = (end: number, current: unknown): void => {
    while (index < end) {
      const node = nodes[index++];
      if (node === undefined) return;
      if (node.type === "text") {
        results.push([node.text]);
        continue;
      }
      if (node.type !== "list") continue;
      const [first, ...rest] = node.nodes;
      if (first?.type === "end") return;
      if (first?.type !== "range") {
        results.push(walk(node.nodes, [current], data, options));
        continue;
      }
      const start = index;
      const values = walk(rest, [current], data, options);
      for (const value of values) {
        index = start;
        run(nodes.length, value);
      }
      if (values.length === 0) index = afterEnd(nodes, start);
    }
  };
  run(nodes.length, data);
  return results;
}

function afterEnd(nodes: readonly Node[], from: number): number {
  let depth = 1;
  for (let at = from; at < nodes.length; at += 1) {
    const node = nodes[at];
    const first = node?.type === "list" ? node.nodes[0] : undefined;
    if (first?.type === "range") depth += 1;
    if (first?.type === "end" && (depth -= 1) === 0) return at + 1;
  }
  return nodes.length;
}

/** The text of a whole template. */
export function printJsonPath(nodes: readonly Node[], data: unknown, options: JsonPathOptions): string {
  return evaluateJsonPath(nodes, data, options)
    .map((values) => values.map(valueText).join(" "))
    .join("");
}

/** Mappings and lists as JSON, everything else as Go prints it. */
export function valueText(value: unknown): string {
  if (typeof value === "object" && value !== null) return compactJson(sortKeys(value));
  return value === null ? "" : goText(value);
}

function walk(nodes: readonly Node[], input: readonly unknown[], root: unknown, options: JsonPathOptions): unknown[] {
  let current = [...input];
  let index = 0;
  for (const node of nodes) {
    index += 1;
    if (node.type === "recursive") {
      const all = current.flatMap(descendants);
      const rest = nodes.slice(index);
      return rest.length === 0 ? all : all.flatMap((value) => walk(rest, [value], root, { allowMissing: true }));
    }
    current = step(node, current, root, options);
  }
  return current;
}

function step(node: Node, current: readonly unknown[], root: unknown, options: JsonPathOptions): unknown[] {
  switch (node.type) {
    case "text":
      return [node.text];
    case "value":
      return [node.value];
    case "field":
      return fields(node.name, current, options);
    case "wildcard":
      return current.flatMap((value) => children(value));
    case "array":
      return current.flatMap((value) => elements(node, value));
    case "union":
      return node.nodes.flatMap((each) => step(each, current, root, options));
    case "filter":
      return current.flatMap((value) => children(value, true).filter((item) => passes(node, item, root)));
    case "list":
      return walk(node.nodes, current, root, options);
    case "range":
    case "end":
    case "recursive":
      return [...current];
  }
}

function fields(name: string, current: readonly unknown[], options: JsonPathOptions): unknown[] {
  const found = current.flatMap((value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return Object.hasOwn(value, name) ? [(value as Record<string, unknown>)[name]] : [];
  });
  if (found.length === 0 && current.length > 0 && !options.allowMissing) fail(`${name} is not found`);
  return found;
}

function children(value: unknown, listsOnly = false): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  if (listsOnly) return Object.values(value);
  return Object.keys(value)
    .sort()
    .map((key) => (value as Record<string, unknown>)[key]);
}

function descendants(value: unknown): unknown[] {
  const inner = children(value).filter((child) => typeof child === "object" && child !== null);
  return [value, ...inner.flatMap(descendants)];
}

function elements(node: Extract<Node, { type: "array" }>, value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) return fail(`${JSON.stringify(value)} is not array or slice`);
  const length = value.length;
  const place = (at: number): number => (at < 0 ? at + length : at);
  if (node.single) {
    const at = place(node.from ?? 0);
    if (at < 0 || at >= length) {
      return fail(`array index out of bounds: index ${node.from ?? 0}, length ${length}`);
    }
    return [value[at]];
  }
  const from = place(node.from ?? 0);
  const to = Math.min(length, place(node.to ?? length));
  if (node.step <= 0) return fail("step must be > 0");
  const taken: unknown[] = [];
  for (let at = Math.max(0, from); at < to; at += node.step) taken.push(value[at]);
  return taken;
}

function passes(node: Extract<Node, { type: "filter" }>, item: unknown, root: unknown): boolean {
  const left = walk(node.left, [item], root, { allowMissing: true });
  if (node.operator === "exists") return left.length > 0;
  if (left.length === 0) return false;
  const right = walk(node.right, [item], root, { allowMissing: true });
  if (right.length === 0) return false;
  if (left.length > 1) return fail("can only compare one element at a time");
  return compare(left[0], right[0], node.operator);
}

function compare(left: unknown, right: unknown, operator: string): boolean {
  if (operator === "=") return fail("unrecognized filter operator =");
  const equal = left === right;
  if (operator === "==") return equal;
  if (operator === "!=") return !equal;
  if (typeof left !== typeof right || (typeof left !== "number" && typeof left !== "string"))
    return fail("incompatible types for comparison");
  const less = (left as number) < (right as number);
  if (operator === "<") return less;
  if (operator === "<=") return less || equal;
  return operator === ">" ? !less && !equal : !less;
}

/** ".a.b", "a.b", "{.a.b}" as "{.a.b}": `custom-columns`, `--sort-by` and `wait` take all three. */
export function relaxedJsonPath(expression: string): string {
  if (expression === "") return "";
  const found = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(expression);
  if (!found)
    throw new JsonPathError(
      `unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`,
    );
  return `{.${found[1] ?? found[2] ?? ""}}`;
}
