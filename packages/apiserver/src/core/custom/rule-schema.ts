// A rule beside the schema of its place: how much it may cost at most. Sizes are not inferred further than from the schema through fields, items and
// variables; what is not known costs one. After apiextensions-apiserver's cost estimates, which are finer: a rule is refused here only when it is far
// beyond the limit.
import type { Expression } from "../cel/environment.ts";
import { unescapedName } from "../cel/member-names.ts";
import type { Node } from "../cel/tree.ts";
import { isNode, partsOf } from "../cel/tree.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

type Known = JsonSchema | undefined;
interface Found {
  readonly schema: Known;
  readonly cost: number;
}
type Scope = ReadonlyMap<string, Known>;

/** `schema` is that of `self`. */
export function costOf({ tree }: Expression, schema: JsonSchema, isRoot: boolean): number {
  const self = isRoot ? withObjectMembers(schema) : schema;

  const walk = (value: unknown, scope: Scope): Found => {
    if (!isNode(value)) return { schema: undefined, cost: sum(partsOf(value), scope) };
    const { alternate, macro } = value.meta;
    if (alternate !== undefined) return walk(alternate, scope);
    if (macro !== undefined) return walkMacro(macro, scope);
    switch (value.op) {
      case "value":
        return { schema: undefined, cost: 0 };
      case "id":
        return { schema: scope.get(String(value.args)), cost: 1 };
      case ".":
      case ".?":
        return select(value, scope);
      case "[]":
      case "[?]":
        return item(value, scope);
      case "comprehension":
        return comprehend(value, scope);
      default:
        return { schema: undefined, cost: 1 + sum(partsOf(value.args), scope) };
    }
  };
  const sum = (parts: readonly unknown[], scope: Scope): number =>
    parts.reduce((total: number, part) => total + walk(part, scope).cost, 0);

  const select = ({ args }: Node, scope: Scope): Found => {
    const [base, name] = args as readonly [Node, string];
    const found = walk(base, scope);
    return { schema: memberOf(found.schema, unescapedName(name)), cost: found.cost + 1 };
  };
  const item = ({ args }: Node, scope: Scope): Found => {
    const [base, index] = args as readonly unknown[];
    const found = walk(base, scope);
    return { schema: elementOf(found.schema), cost: found.cost + walk(index, scope).cost + 1 };
  };
  const comprehend = ({ args }: Node, scope: Scope): Found => {
    const { iterable, iterVarName, init, step } = args as Readonly<Record<string, unknown>>;
    const range = walk(iterable, scope);
    const element = range.schema?.items ? elementOf(range.schema) : undefined;
    const turn = walk(step, new Map([...scope, [String(iterVarName), element]]));
    return { schema: undefined, cost: range.cost + walk(init, scope).cost + sizeOf(range.schema) * (turn.cost + 1) };
  };
  const walkMacro = (macro: unknown, scope: Scope): Found => {
    const parts = macro as Readonly<Record<string, unknown>>;
    if (typeof parts["var"] === "string") {
      const bound = walk(parts["val"], scope);
      const found = walk(parts["exp"], new Map([...scope, [parts["var"], bound.schema]]));
      return { schema: found.schema, cost: bound.cost + found.cost };
    }
    const pairs = parts["pairs"] as Readonly<Record<string, unknown>> | undefined;
    if (!pairs) return { schema: undefined, cost: 1 + sum(partsOf(parts["args"]), scope) };
    const range = walk(pairs["receiver"], scope);
    const [key = "", of = ""] = pairs["names"] as readonly string[];
    const inside = new Map([...scope, [key, undefined], [of, elementOf(range.schema)]] as const);
    return {
      schema: undefined,
      cost: range.cost + sizeOf(range.schema) * sum([pairs["filter"], pairs["result"]], inside),
    };
  };

  return walk(tree, new Map([["self", self]])).cost;
}

function memberOf(schema: Known, name: string): Known {
  if (!schema || schema.type !== "object") return undefined;
  if (schema.properties && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return isSchema(schema.additionalProperties) ? schema.additionalProperties : undefined;
}

function elementOf(schema: Known): Known {
  if (!schema) return undefined;
  if (isSchema(schema.items)) return schema.items;
  return isSchema(schema.additionalProperties) ? schema.additionalProperties : undefined;
}

const metadata: JsonSchema = {
  type: "object",
  properties: { name: { type: "string" }, generateName: { type: "string" } },
};

function withObjectMembers(schema: JsonSchema): JsonSchema {
  const text: JsonSchema = { type: "string" };
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata } };
}

const longestRequest = 3 * 1024 * 1024;

/** How many items or members a value may have; what fits into a request where nothing is said. */
export function sizeOf(schema: Known): number {
  if (!schema) return 1;
  if (isSchema(schema.items)) return schema.maxItems ?? Math.floor(longestRequest / (leastBytes(schema.items) + 1));
  if (isSchema(schema.additionalProperties))
    return schema.maxProperties ?? Math.floor(longestRequest / (leastBytes(schema.additionalProperties) + 6));
  return 1;
}

function leastBytes({ type, required = [], properties = {}, enum: values }: JsonSchema): number {
  if (values && values.length > 0) return Math.min(...values.map((value) => JSON.stringify(value).length));
  switch (type) {
    case "boolean":
      return 4;
    case "object":
      return required.reduce((sum, name) => sum + name.length + 4 + leastBytes(properties[name] ?? {}), 2);
    case "array":
    case "string":
      return 2;
    default:
      return 1;
  }
}
