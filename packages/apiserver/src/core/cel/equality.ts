// When two values of an expression are the same: whole numbers and others by their value, lists and maps by what they hold.
import { Duration } from "@marcbachmann/cel-js/evaluator";

export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  // The language compares numbers of different types by value, as `==` does here.
  if (isNumber(left) && isNumber(right)) return Number(left) === Number(right);
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (left instanceof Duration && right instanceof Duration)
    return left.seconds === right.seconds && left.nanos === right.nanos;
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, at) => sameValue(item, right[at]));
  if (left instanceof Map && right instanceof Map)
    return (
      left.size === right.size && [...left].every(([name, item]) => right.has(name) && sameValue(item, right.get(name)))
    );
  return false;
}

function isNumber(value: unknown): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}
