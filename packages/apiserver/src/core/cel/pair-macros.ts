// Comprehensions over two variables: `labels.all(key, value, …)`, `list.exists(index, value, …)`, existsOne, transformList, transformMap and
// transformMapEntry. After cel-go's `ext/comprehensions`. Each turn is charged, as those of the library's own are.
import type { Environment } from "@marcbachmann/cel-js";
import { charge, nodesOf } from "./meter.ts";

export function addPairMacros(environment: Environment): void {
  for (const name of ["all", "exists", "existsOne", "exists_one"])
    environment.registerFunction(`list.${name}(ast, ast, ast): bool`, macro("bool", quantifiers[name] ?? all));
  for (const [name, type, fold] of transformations)
    for (const filter of ["", "ast, "])
      environment.registerFunction(`list.${name}(ast, ast, ${filter}ast): ${type}`, macro(type, fold));
}

/** What the library hands to its macros, as far as it is used here. */
interface Context {
  forkWithVariable(name: string, type: unknown): Context;
  reuse(context: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}
interface Evaluator {
  run(node: unknown, context: Context): unknown;
}
interface Checker {
  check(node: unknown, context: Context): unknown;
  getType(name: string): unknown;
}

/** One turn: its key, whether the filter lets it pass, and what the last expression makes of it. */
interface Turn {
  readonly key: unknown;
  passes(): boolean;
  result(): unknown;
}
type Fold = (turns: Iterable<Turn>) => unknown;

interface Pairs {
  readonly receiver: unknown;
  readonly names: readonly [string, string];
  readonly filter: unknown;
  readonly result: unknown;
  contexts: readonly [Context, Context] | undefined;
}

function macro(type: string, fold: Fold) {
  return ({ args, receiver }: { readonly args: readonly unknown[]; readonly receiver: unknown }) => {
    const [first, second] = args;
    const pairs: Pairs = {
      receiver,
      names: [nameOf(first), nameOf(second)],
      filter: args.length === 4 ? args[2] : undefined,
      result: args.at(-1),
      contexts: undefined,
    };
    return {
      pairs,
      typeCheck(checker: Checker, _self: unknown, context: Context): unknown {
        const dyn = checker.getType("dyn");
        checker.check(receiver, context);
        const outer = context.forkWithVariable(pairs.names[0], dyn);
        const inner = outer.forkWithVariable(pairs.names[1], dyn);
        for (const expression of [pairs.filter, pairs.result])
          if (expression !== undefined) checker.check(expression, inner);
        pairs.contexts = [outer, inner];
        return checker.getType(type);
      },
      evaluate: (evaluator: Evaluator, _self: unknown, context: Context): unknown =>
        fold(turnsOf(pairs, evaluator, context)),
      async: false,
    };
  };
}

function nameOf(node: unknown): string {
  const { op, args } = node as { readonly op: string; readonly args: unknown };
  if (op !== "id" || typeof args !== "string") throw new Error("argument must be a simple name");
  return args;
}

function* turnsOf(pairs: Pairs, evaluator: Evaluator, context: Context): Generator<Turn> {
  const { receiver, filter, result, contexts } = pairs;
  if (!contexts) throw new Error("the expression was not checked");
  const cost = nodesOf([filter, result]);
  for (const [key, value] of entriesOf(evaluator.run(receiver, context))) {
    charge(cost);
    const outer = contexts[0].reuse(context).setIterValue(key, evaluator);
    const inner = contexts[1].reuse(outer).setIterValue(value, evaluator);
    yield {
      key,
      passes: () => filter === undefined || mustBeBool(evaluator.run(filter, inner)),
      result: () => evaluator.run(result, inner),
    };
  }
}

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (Array.isArray(value)) return value.map((item: unknown, index) => [BigInt(index), item] as const);
  if (value instanceof Map) return value;
  if (typeof value === "object" && value !== null) return Object.entries(value);
  throw new Error("no such overload: a comprehension needs a list or a map");
}

function mustBeBool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new Error("no such overload: a predicate must be a bool");
}

/** An error counts only when no other turn decides. */
function decides(turns: Iterable<Turn>, by: boolean): boolean {
  let failure: unknown;
  for (const turn of turns)
    try {
      if (mustBeBool(turn.result()) === by) return true;
    } catch (error) {
      failure ??= error;
    }
  if (failure !== undefined) throw failure;
  return false;
}

const all: Fold = (turns) => !decides(turns, false);

function one(turns: Iterable<Turn>): boolean {
  let count = 0;
  for (const turn of turns) if (mustBeBool(turn.result())) count += 1;
  return count === 1;
}

const quantifiers: Readonly<Record<string, Fold>> = {
  all,
  exists: (turns) => decides(turns, true),
  existsOne: one,
  exists_one: one,
};

function list(turns: Iterable<Turn>): unknown[] {
  const result: unknown[] = [];
  for (const turn of turns) if (turn.passes()) result.push(turn.result());
  return result;
}

function map(turns: Iterable<Turn>): ReadonlyMap<unknown, unknown> {
  const result = new Map<unknown, unknown>();
  for (const turn of turns) if (turn.passes()) result.set(turn.key, turn.result());
  return result;
}

/** Each turn makes a map of its own. */
function entries(turns: Iterable<Turn>): ReadonlyMap<unknown, unknown> {
  const result = new Map<unknown, unknown>();
  for (const turn of turns) {
    if (!turn.passes()) continue;
    for (const [key, value] of entriesOf(turn.result())) {
      if (result.has(key)) throw new Error(`insert failed: key ${String(key)} already exists`);
      result.set(key, value);
    }
  }
  return result;
}

const transformations: readonly (readonly [string, string, Fold])[] = [
  ["transformList", "list<dyn>", list],
  ["transformMap", "map<dyn, dyn>", map],
  ["transformMapEntry", "map<dyn, dyn>", entries],
];
