// What an expression may cost. The library walks the tree of an expression; each turn of a comprehension is charged with the nodes it visits,
// and each operator and function with the size of what it looks at. So what grows with the data is counted, whatever the expression is.
// Kubernetes' figures; its own costs are finer, of the same order.

import type { Handle, Node } from "./tree.ts";
import { isNode, partsOf } from "./tree.ts";

/** Of one evaluation, and of all that one request causes (`pkg/apis/cel/config.go`). */
export const perCallLimit = 1_000_000;
export const requestBudget = 10_000_000;
export const conditionsBudget = 2_500_000;

export const outOfBudget =
  "validation failed due to running out of cost budget, no further validation rules will be run";
const overLimit = "operation cancelled: actual cost limit exceeded";

/** Thrown through the library's evaluator. */
export class CostError extends Error {
  override readonly name = "CostError";
}

/** What is left for the expressions of one request. */
export class Budget {
  left: number;

  constructor(left: number = requestBudget) {
    this.left = left;
  }
}

let spent = 0;
let limit = Infinity;
let failure: CostError | undefined;

/** Runs an evaluation under the budget. One that begins inside another (a variable) has a limit of its own, and takes from the same budget. */
export function metered<T>(budget: Budget, work: () => T): T {
  const outer = { spent, limit, failure };
  spent = 0;
  limit = Math.min(perCallLimit, budget.left);
  failure = undefined;
  try {
    const result = work();
    // The language's own logic may have passed over the error: `true || …`.
    if (failure) throw failure as CostError;
    return result;
  } finally {
    budget.left -= spent;
    ({ spent, limit, failure } = outer);
  }
}

/** Throws when the limit is reached. */
export function charge(cost: number): void {
  spent += cost;
  if (spent <= limit) return;
  failure ??= new CostError(limit < perCallLimit ? outOfBudget : overLimit);
  throw failure;
}

const looking: ReadonlySet<string> = new Set(["==", "!=", "in", "+", "<", "<=", ">", ">=", "call", "rcall"]);

/** How many nodes stand in parts of a tree, macros' inner ones included. */
export function nodesOf(value: unknown): number {
  if (!isNode(value)) return partsOf(value).reduce((sum: number, part) => sum + nodesOf(part), 0);
  return 1 + nodesOf(value.args);
}

/** Makes a checked tree charge what it does; answers its number of nodes, which one walk over it costs. */
export function installMeter(root: unknown): number {
  const seen = new Set<unknown>();
  const visit = (value: unknown): number => {
    if (typeof value !== "object" || value === null || seen.has(value)) return 0;
    seen.add(value);
    if (!isNode(value)) return partsOf(value).reduce((sum: number, part) => sum + visit(part), 0);
    const { alternate, macro } = value.meta;
    if (alternate !== undefined) return visit(alternate);
    if (macro !== undefined) return 1 + visit(macro);
    if (value.op === "comprehension") return 1 + visitComprehension(value);
    if (looking.has(value.op) && value.handle) weigh(value, value.handle);
    return 1 + visit(value.args);
  };
  const visitComprehension = ({ args }: Node): number => {
    const { step, iterable, init } = args as Readonly<Record<"step" | "iterable" | "init", unknown>>;
    const perTurn = visit(step);
    if (isNode(step)) {
      const evaluate = step.meta["evaluate"] as Handle;
      step.setMeta("evaluate", (...values: readonly unknown[]) => (charge(perTurn), evaluate(...values)));
    }
    return visit(iterable) + visit(init);
  };
  return visit(root);
}

function weigh(node: Node, handle: Handle): void {
  const isCall = node.op === "call" || node.op === "rcall";
  node.handle = (...values) => {
    const looked = isCall ? (values[0] as readonly unknown[]) : values.slice(0, 2);
    charge(looked.reduce((sum: number, value) => sum + sizeOf(value), 0));
    return handle(...values);
  };
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return Math.ceil(value.length / 10);
  if (Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}
