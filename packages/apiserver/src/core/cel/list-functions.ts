// Functions on lists that Kubernetes adds to the expression language: isSorted, sum, min, max, indexOf, lastIndexOf, and sets.*.
import type { Environment } from "@marcbachmann/cel-js";
import { Duration } from "@marcbachmann/cel-js/evaluator";
import { sameValue } from "./equality.ts";

/** Only there so that `sets.contains(…)` can be written. */
class Sets {}

type Values = readonly unknown[];

export function addListFunctions(environment: Environment): void {
  environment
    .registerFunction("list.isSorted(): bool", (list: Values) =>
      list.every((item, at) => at === 0 || compare(list[at - 1], item) <= 0),
    )
    .registerFunction("list.sum(): dyn", sum)
    .registerFunction("list.min(): dyn", (list: Values) => extreme("min", list, -1))
    .registerFunction("list.max(): dyn", (list: Values) => extreme("max", list, 1))
    .registerFunction("list.indexOf(dyn): int", (list: Values, item: unknown) =>
      BigInt(list.findIndex((candidate) => sameValue(candidate, item))),
    )
    .registerFunction("list.lastIndexOf(dyn): int", (list: Values, item: unknown) =>
      BigInt(list.findLastIndex((candidate) => sameValue(candidate, item))),
    )
    .registerType("Sets", Sets)
    .registerConstant("sets", "Sets", new Sets())
    .registerFunction("Sets.contains(list, list): bool", (_: Sets, list: Values, part: Values) => contains(list, part))
    .registerFunction(
      "Sets.equivalent(list, list): bool",
      (_: Sets, left: Values, right: Values) => contains(left, right) && contains(right, left),
    )
    .registerFunction("Sets.intersects(list, list): bool", (_: Sets, left: Values, right: Values) =>
      right.some((item) => contains(left, [item])),
    );
}

function contains(list: Values, part: Values): boolean {
  return part.every((item) => list.some((candidate) => sameValue(candidate, item)));
}

function sum(list: Values): unknown {
  if (list.every((item) => item instanceof Duration) && list.length > 0) {
    const nanos = list.reduce((total: bigint, item) => total + nanosOf(item), 0n);
    return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
  }
  if (list.every((item) => typeof item === "bigint")) return list.reduce((total, item) => total + item, 0n);
  return list.reduce((total: number, item) => total + Number(item), 0);
}

function nanosOf(value: Duration): bigint {
  return BigInt(value.seconds) * 1_000_000_000n + BigInt(value.nanos);
}

function extreme(name: string, list: Values, sign: -1 | 1): unknown {
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
}

function compare(left: unknown, right: unknown): number {
  const [a, b] = [ordered(left), ordered(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function ordered(value: unknown): bigint | number | string {
  if (value instanceof Duration) return nanosOf(value);
  if (value instanceof Date) return value.getTime();
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "string") return value;
  throw new Error("no such overload: values that have no order");
}
