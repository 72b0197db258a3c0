// The library's tree of an expression, as far as it is walked here: nodes with what stands below them, macros as what they have become.

export interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
  handle?: Handle;
  setMeta(key: string, value: unknown): unknown;
}

export type Handle = (...values: readonly unknown[]) => unknown;

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "op" in value && "setMeta" in value;
}

/** Parts of a tree that are no nodes: lists of arguments, and what macros keep. */
export function partsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}

/** Every node, macros and what they have become included. */
export function visitNodes(root: unknown, look: (node: Node) => void): void {
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (!isNode(value)) return partsOf(value).forEach(visit);
    look(value);
    for (const part of [value.args, value.meta["alternate"], value.meta["macro"]]) visit(part);
  };
  visit(root);
}

/** Calls of one method become calls of another that takes as many arguments. */
export function renameCalls(root: unknown, from: string, to: string): void {
  visitNodes(root, ({ op, args }) => {
    if (op === "rcall" && Array.isArray(args) && args[0] === from) args[0] = to;
  });
}
