// Go's text/template, run over decoded JSON: what `-o go-template` prints. Functions are Go's own and kubectl's `exists` and
// `base64decode`.
import { goSprintf, goText } from "./go-format.ts";
import { TemplateError } from "./template-parse.ts";
import type { Expression, Pipeline, Template, TemplateNode } from "./template-parse.ts";

class Break extends Error {}
class Continue extends Error {}

type Scope = Map<string, unknown>[];

export function runTemplate(template: Template, data: unknown, allowMissing: boolean): string {
  let written = "";
  const scope: Scope = [new Map([["$", data]])];
  nodes(template.body, data, scope);
  return written;

  function nodes(list: readonly TemplateNode[], dot: unknown, scope: Scope): void {
    for (const node of list) one(node, dot, scope);
  }

  function one(node: TemplateNode, dot: unknown, scope: Scope): void {
    switch (node.type) {
      case "text":
        written += node.text;
        return;
      case "action": {
        const value = evaluate(node.pipeline, dot, scope);
        if (node.pipeline.declares.length === 0) written += shown(value);
        return;
      }
      case "if":
      case "with": {
        const inner: Scope = [...scope, new Map()];
        const value = evaluate(node.pipeline, dot, inner);
        if (isTrue(value)) nodes(node.body, node.type === "with" ? value : dot, inner);
        else nodes(node.otherwise, dot, inner);
        return;
      }
      case "range":
        return range(node, dot, scope);
      case "template": {
        const body = template.named.get(node.name);
        if (body === undefined) throw new TemplateError(`template: no template ${JSON.stringify(node.name)}`);
        const value = node.pipeline === undefined ? undefined : evaluate(node.pipeline, dot, scope);
        return nodes(body, value, [new Map([["$", value]])]);
      }
      case "break":
        throw new Break();
      case "continue":
        throw new Continue();
    }
  }

  function range(node: Extract<TemplateNode, { type: "if" | "range" | "with" }>, dot: unknown, scope: Scope): void {
    const { declares, ...pipeline } = node.pipeline;
    const value = evaluate({ ...pipeline, declares: [] }, dot, scope);
    const entries = entriesOf(value);
    if (entries.length === 0) return nodes(node.otherwise, dot, [...scope, new Map()]);
    for (const [key, item] of entries) {
      const inner: Scope = [...scope, new Map()];
      const own = inner.at(-1);
      if (declares.length === 1) own?.set(declares[0] ?? "", item);
      if (declares.length === 2) own?.set(declares[0] ?? "", key).set(declares[1] ?? "", item);
      try {
        nodes(node.body, item, inner);
      } catch (error) {
        if (error instanceof Break) return;
        if (!(error instanceof Continue)) throw error;
      }
    }
  }

  function evaluate(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    let value: unknown;
    pipeline.commands.forEach((command, index) => {
      value = run(command, dot, scope, index > 0 ? [value] : []);
    });
    for (const name of pipeline.declares) {
      if (!pipeline.assigns) scope.at(-1)?.set(name, value);
      else {
        const holder = scope.findLast((frame) => frame.has(name));
        if (holder === undefined) throw new TemplateError(`template: output:1: undefined variable "${name}"`);
        holder.set(name, value);
      }
    }
    return value;
  }

  function run(command: readonly Expression[], dot: unknown, scope: Scope, piped: readonly unknown[]): unknown {
    const [first, ...rest] = command;
    if (first?.type === "function") {
      const { name } = first;
      // and/or stop at the first value that decides.
      if (deciding.includes(name)) {
        let last: unknown;
        for (const argument of rest) {
          last = operand(argument, dot, scope);
          if (isTrue(last) === (name === "or")) return last;
        }
        return piped.length > 0 ? piped[0] : last;
      }
      const run = functions[name];
      if (run === undefined) throw new TemplateError(`template: output:1: function "${name}" not defined`);
      return run([...rest.map((argument) => operand(argument, dot, scope)), ...piped]);
    }
    if (first === undefined) return undefined;
    if (rest.length > 0 || piped.length > 0)
      throw new TemplateError(
        `template: output:1:2: executing "output" at <${describe(first)}>: can't give argument to non-function ${describe(first)}`,
      );
    return operand(first, dot, scope);
  }

  function operand(expression: Expression, dot: unknown, scope: Scope): unknown {
    switch (expression.type) {
      case "literal":
        return expression.value;
      case "dot":
        return dot;
      case "variable": {
        const holder = scope.findLast((frame) => frame.has(expression.name));
        if (holder === undefined)
          throw new TemplateError(`template: output:1: undefined variable "${expression.name}"`);
        return holder.get(expression.name);
      }
      case "function":
        return run([expression], dot, scope, []);
      case "pipeline":
        return evaluate(expression.pipeline, dot, scope);
      case "field":
        return expression.names.reduce(
          (value, name) => member(value, name, expression),
          operand(expression.of, dot, scope),
        );
    }
  }

  function member(value: unknown, name: string, expression: Expression): unknown {
    if (value === null || value === undefined) {
      if (allowMissing) return undefined;
      throw new TemplateError(
        `template: output:1:2: executing "output" at <${describe(expression)}>: nil data; no entry for key "${name}"`,
      );
    }
    if (typeof value !== "object" || Array.isArray(value))
      throw new TemplateError(
        `template: output:1:2: executing "output" at <${describe(expression)}>: can't evaluate field ${name} in type interface {}`,
      );
    if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
    if (allowMissing) return undefined;
    throw new TemplateError(
      `template: output:1:2: executing "output" at <${describe(expression)}>: map has no entry for key "${name}"`,
    );
  }
}

function describe(expression: Expression): string {
  switch (expression.type) {
    case "field":
      return `${expression.of.type === "dot" ? "" : describe(expression.of)}.${expression.names.join(".")}`;
    case "dot":
      return ".";
    case "variable":
      return expression.name;
    case "literal":
      return goText(expression.value);
    case "function":
      return expression.name;
    case "pipeline":
      return "(…)";
  }
}

const shown = (value: unknown): string =>
  value === undefined ? "<no value>" : value === null ? "<no value>" : goText(value);

function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item: unknown, index) => [index, item]);
  if (typeof value === "number") return Array.from({ length: value }, (_, index) => [index, index]);
  if (typeof value === "object") return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  throw new TemplateError(`template: output:1: executing "output": range can't iterate over ${goText(value)}`);
}

function order(values: readonly unknown[]): [string | number, string | number] {
  const [left, right] = values;
  if (typeof left !== typeof right || (typeof left !== "string" && typeof left !== "number"))
    throw new TemplateError('template: output:1: executing "output": incompatible types for comparison');
  return [left, right as string | number];
}

const htmlSigns: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Throws where a template calls what is no function: said before anything is printed. */
export function checkFunctions({ body, named }: Template): void {
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { type, name } = value as { readonly type?: unknown; readonly name?: unknown };
    if (type === "function" && typeof name === "string" && !Object.hasOwn(functions, name) && !deciding.includes(name))
      throw new TemplateError(`template: output:1: function "${name}" not defined`);
    for (const inner of Object.values(value)) look(inner);
  };
  look(body);
  for (const nodes of named.values()) look(nodes);
}

/** They look at one argument after the other. */
const deciding: readonly string[] = ["and", "or"];

const functions: Readonly<Record<string, (values: readonly unknown[]) => unknown>> = {
  not: ([value]) => !isTrue(value),
  len: ([value]) => {
    if (typeof value === "string" || Array.isArray(value)) return value.length;
    if (typeof value === "object" && value !== null) return Object.keys(value).length;
    throw new TemplateError(
      `template: output:1: executing "output" at <len>: error calling len: len of ${value === undefined ? "nil pointer" : "type interface {}"}`,
    );
  },
  index: ([value, ...keys]) =>
    keys.reduce<unknown>((inner, key) => {
      if (inner === null || inner === undefined)
        throw new TemplateError(
          'template: output:1: executing "output" at <index>: error calling index: index of untyped nil',
        );
      if (Array.isArray(inner)) {
        if (typeof key !== "number" || key < 0 || key >= inner.length)
          throw new TemplateError(
            `template: output:1: executing "output" at <index>: error calling index: index out of range: ${goText(key)}`,
          );
        return inner[key] as unknown;
      }
      if (typeof inner === "string") return inner.charCodeAt(Number(key));
      return (inner as Record<string, unknown>)[String(key)];
    }, value),
  slice: ([value, from, to]) =>
    (value as string | readonly unknown[]).slice(Number(from ?? 0), to === undefined ? undefined : Number(to)),
  print: (values) => values.map(goText).join(values.some((value) => typeof value !== "string") ? " " : ""),
  println: (values) => `${values.map(goText).join(" ")}\n`,
  printf: ([format, ...values]) => goSprintf(String(format), values),
  eq: ([left, ...rest]) => rest.some((right) => left === right),
  ne: ([left, right]) => left !== right,
  lt: (values) => order(values)[0] < order(values)[1],
  le: (values) => order(values)[0] <= order(values)[1],
  gt: (values) => order(values)[0] > order(values)[1],
  ge: (values) => order(values)[0] >= order(values)[1],
  html: (values) =>
    values
      .map(goText)
      .join("")
      .replace(/[&<>"']/g, (sign) => htmlSigns[sign] ?? sign),
  js: (values) => JSON.stringify(values.map(goText).join("")).slice(1, -1),
  urlquery: (values) => encodeURIComponent(values.map(goText).join("")).replaceAll("%20", "+"),
  exists: ([value, ...keys]) => {
    let inner: unknown = value;
    for (const key of keys) {
      if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, String(key))) return false;
      inner = (inner as Record<string, unknown>)[String(key)];
    }
    return true;
  },
  base64decode: ([value]) => Buffer.from(String(value), "base64").toString("utf8"),
};
