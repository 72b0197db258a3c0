// What is wrong with an expression when it is known of which types the members of its variables are: said as a warning, in the words of Kubernetes'
// compiler. Expressions are carried out without that knowledge (`environment.ts`), so nothing here keeps one from running.
import type { Environment } from "@marcbachmann/cel-js";
import type { Variables } from "./environment.ts";
import { createEnvironment, faultAt, read } from "./environment.ts";
import type { Node } from "./tree.ts";
import { isNode } from "./tree.ts";

/** Types of members by their names: the name of a type, or an object with members of its own. */
export interface MemberTypes {
  readonly [member: string]: string | MemberTypes;
}

/** Answers the fault of an expression, undefined where there is none; `typed` are those of the variables whose members are known. */
export function typeChecker(
  variables: Variables,
  typed: Readonly<Record<string, MemberTypes>>,
): (expression: string) => string | undefined {
  const environment: Environment = createEnvironment(
    Object.fromEntries(Object.entries(variables).filter(([name]) => !(name in typed))),
  );
  for (const [name, schema] of Object.entries(typed)) environment.registerVariable({ name, schema });
  return (expression) => {
    const { valid, error } = read(expression, environment).check();
    if (valid || !error) return undefined;
    const words = wordsOf(error.code, error.summary);
    return words && faultAt(expression, placeOf(error.node, expression), words);
  };
}

const operation = /^no such overload: (.+) (==|!=|[<>]=?|[-+*/%]|in) (.+)$/;
const call = /^found no matching overload for '(?:(.+)\.)?(\w+)\((.*)\)'$/;

/** Undefined for what is none: everything may be compared with null. */
function wordsOf(code: string, summary: string): string | undefined {
  const applied = (name: string, types: string): string =>
    `found no matching overload for '${name}' applied to '${types.replaceAll("$", "")}'`;
  const [, left = "", operator = "", right = ""] = operation.exec(summary) ?? [];
  if (operator !== "") {
    if ((operator === "==" || operator === "!=") && (left === "null" || right === "null")) return undefined;
    return applied(operator === "in" ? "@in" : `_${operator}_`, `(${left}, ${right})`);
  }
  const [, receiver, name = "", types = ""] = call.exec(summary) ?? [];
  if (name !== "") return applied(name, receiver === undefined ? `(${types})` : `${receiver}.(${types})`);
  if (code === "no_such_key") return `undefined field '${summary.slice(summary.indexOf(": ") + 2)}'`;
  return summary;
}

/** Operators and dots are pointed at, as they stand between what they are about. */
function placeOf(node: unknown, expression: string): number {
  if (!isNode(node)) return 0;
  const [first] = Array.isArray(node.args) ? (node.args as readonly unknown[]) : [];
  const sign = node.op === ".?" ? "." : node.op;
  const isBetween = isNode(first) && /^(==|!=|[<>]=?|[-+*/%.]|in)$/.test(sign);
  const found = isBetween ? expression.indexOf(sign, endOf(first)) : -1;
  return found < 0 ? startOf(node) : found;
}

function endOf(node: Node): number {
  return (node as Node & { readonly end?: number }).end ?? 0;
}

function startOf(node: Node): number {
  return (node as Node & { readonly start?: number }).start ?? 0;
}
