/**
 * Sets of field paths, as managed fields keep them: a tree of path elements (`f:name`, `k:{"name":"a"}`, `v:"x"`, `i:0`), in which a node may be
 * a member itself (`.`) besides holding members below it. Sets are values: the operations return new ones.
 */
import type { FieldsV1 } from "../meta.ts";

export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const emptySet: FieldSet = { member: false, children: new Map() };
export const memberOnly: FieldSet = { member: true, children: new Map() };

export function isEmptySet(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** A node from its parts; children without members vanish. */
export function node(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  const kept = new Map<string, FieldSet>();
  for (const [key, child] of children) if (!isEmptySet(child)) kept.set(key, child);
  return kept.size === 0 ? (member ? memberOnly : emptySet) : { member, children: kept };
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (isEmptySet(left)) return right;
  if (isEmptySet(right)) return left;
  const children = new Map(left.children);
  for (const [key, child] of right.children) children.set(key, union(children.get(key) ?? emptySet, child));
  return node(left.member || right.member, children);
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  const children: [string, FieldSet][] = [];
  for (const [key, child] of left.children) {
    const other = right.children.get(key);
    if (other !== undefined) children.push([key, intersection(child, other)]);
  }
  return node(left.member && right.member, children);
}

/** Members of the left that are not members of the right. What lies below a member of the right stays. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  const children: [string, FieldSet][] = [];
  for (const [key, child] of left.children)
    children.push([key, difference(child, right.children.get(key) ?? emptySet)]);
  return node(left.member && !right.member, children);
}

/** The left without the members of the right and all that lies below them. */
export function without(left: FieldSet, right: FieldSet): FieldSet {
  if (right.member) return emptySet;
  const children: [string, FieldSet][] = [];
  for (const [key, child] of left.children) children.push([key, without(child, right.children.get(key) ?? emptySet)]);
  return node(left.member, children);
}

/** A set from paths of plain names, such as `["status"]`. */
export function setOfFields(paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce<FieldSet>(
    (set, path) =>
      union(
        set,
        path.reduceRight<FieldSet>((inner, name) => node(false, [[`f:${name}`, inner]]), memberOnly),
      ),
    emptySet,
  );
}

/** The paths as Kubernetes prints them, `.spec.containers[name="a"].image`: of each node the members first, then what lies below. */
export function pathTexts(set: FieldSet, prefix = ""): string[] {
  const sorted = [...set.children].sort(([left], [right]) => (left < right ? -1 : 1));
  const members = sorted.filter(([, { member }]) => member).map(([key]) => prefix + elementText(key));
  return [...members, ...sorted.flatMap(([key, child]) => pathTexts(child, prefix + elementText(key)))];
}

export function fieldsToSet(fields: FieldsV1 | undefined): FieldSet {
  if (fields === undefined) return emptySet;
  const children: [string, FieldSet][] = [];
  let member = false;
  for (const [key, child] of Object.entries(fields)) {
    if (key === ".") member = true;
    else children.push([key, Object.keys(child).length === 0 ? memberOnly : fieldsToSet(child)]);
  }
  return node(member, children);
}

export function setToFields(set: FieldSet): FieldsV1 {
  const fields: FieldsV1 = {};
  if (set.member && set.children.size > 0) fields["."] = {};
  for (const [key, child] of [...set.children].sort(([left], [right]) => (left < right ? -1 : 1)))
    fields[key] = setToFields(child);
  return fields;
}

export function elementText(key: string): string {
  const rest = key.slice(2);
  switch (key[0]) {
    case "f":
      return `.${rest}`;
    case "k": {
      const keys = JSON.parse(rest) as Record<string, unknown>;
      return `[${Object.entries(keys)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(",")}]`;
    }
    case "v":
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}
