// `--sort-by`: objects or table rows by the value of a JSONPath; quantities, numbers, times and texts each in their own order.
import { compareQuantities } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import { evaluateJsonPath, parseJsonPath, relaxedJsonPath } from "./jsonpath.ts";

/** `objectOf` says what of an item the path walks. Throws when no item has the field. */
export function sortBy<T>(items: readonly T[], expression: string, objectOf: (item: T) => unknown): T[] {
  const path = parseJsonPath(relaxedJsonPath(expression));
  const keyed = items.map((item) => ({
    item,
    key: evaluateJsonPath(path, objectOf(item), { allowMissing: true }).flat()[0],
  }));
  if (items.length > 0 && keyed.every(({ key }) => key === undefined))
    throw new CommandError(`couldn't find any field with path "${relaxedJsonPath(expression)}" in the list of objects`);
  return keyed.sort((left, right) => compareKeys(left.key, right.key)).map(({ item }) => item);
}

function compareKeys(left: unknown, right: unknown): number {
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? -1 : 1;
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [first, second] = [String(left as string), String(right as string)];
  if (isQuantity(first) && isQuantity(second)) return compareQuantities(first, second);
  return naturalCompare(first, second);
}

function isQuantity(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/.test(text);
}

/** Digits within texts by their value: node-2 before node-10. */
function naturalCompare(left: string, right: string): number {
  const [first, second] = [left, right].map((text) => text.match(/\d+|\D+/g) ?? []);
  for (let at = 0; at < Math.min(first?.length ?? 0, second?.length ?? 0); at += 1) {
    const [one = "", other = ""] = [first?.[at], second?.[at]];
    if (one === other) continue;
    if (/^\d/.test(one) && /^\d/.test(other) && Number(one) !== Number(other)) return Number(one) - Number(other);
    return one < other ? -1 : 1;
  }
  return (first?.length ?? 0) - (second?.length ?? 0);
}
