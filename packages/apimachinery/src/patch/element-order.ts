/**
 * The order of a merged list: items the patch names stand in the patch's order, the others keep their places among themselves, and the two
 * are interleaved by where they stood before.
 */
import { isJsonObject, jsonEqual } from "../json-value.ts";

export function orderElements(
  list: readonly unknown[],
  wanted: readonly unknown[],
  before: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const place = (order: readonly unknown[], item: unknown): number =>
    order.findIndex((other) => sameElement(item, other, mergeKey));
  const named = sortBy(
    list.filter((item) => place(wanted, item) >= 0),
    (item) => place(wanted, item),
  );
  const others = sortBy(
    list.filter((item) => place(wanted, item) < 0),
    (item) => place(before, item),
  );
  const result: unknown[] = [];
  let [left, right] = [0, 0];
  while (left < others.length || right < named.length) {
    if (left >= others.length) result.push(named[right++]);
    else if (right >= named.length) result.push(others[left++]);
    else {
      const [other, name] = [place(before, others[left]), place(before, named[right])];
      result.push(other >= 0 && name >= 0 && other < name ? others[left++] : named[right++]);
    }
  }
  return result;
}

function sortBy(items: readonly unknown[], key: (item: unknown) => number): unknown[] {
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((left, right) => left.key - right.key)
    .map(({ item }) => item);
}

function sameElement(left: unknown, right: unknown, mergeKey: string | undefined): boolean {
  if (mergeKey === undefined || !isJsonObject(left) || !isJsonObject(right)) return jsonEqual(left, right);
  return jsonEqual(left[mergeKey], right[mergeKey]);
}
