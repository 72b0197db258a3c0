/** Which fields a value has, and how two values differ, as sets of paths. */
import { jsonEqual } from "../json-value.ts";
import { emptySet, type FieldSet, memberOnly, node, union } from "./field-set.ts";
import { childrenOf, isContainer, type Structure } from "./structure.ts";

/** All fields that a configuration states: what its applier comes to own. */
export function fieldSetOf(structure: Structure, value: unknown): FieldSet {
  if (!isContainer(structure, value)) return memberOnly;
  const children: [string, FieldSet][] = [];
  for (const [element, child] of childrenOf(structure, value)) {
    const below = fieldSetOf(child.structure, child.value);
    const isItem = structure.is === "items" || (structure.is === "members" && structure.open);
    children.push([element, isItem ? union(below, memberOnly) : below]);
  }
  return node(false, children);
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const nothing: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

/** What must be added to, changed in and removed from the old value to get the new one. */
export function compareValues(structure: Structure, old: unknown, next: unknown): Comparison {
  if (old === next || (old === undefined && next === undefined)) return nothing;
  if (!isContainer(structure, old) && !isContainer(structure, next)) return compareLeaves(old, next);
  const before = childrenOf(structure, old);
  const after = childrenOf(structure, next);
  const parts: [string, Comparison][] = [];
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const [left, right] = [before.get(element), after.get(element)];
    const inner = left?.structure ?? right?.structure;
    if (inner !== undefined) parts.push([element, compareValues(inner, left?.value, right?.value)]);
  }
  return {
    added: node(
      old === undefined,
      parts.map(([element, part]) => [element, part.added] as const),
    ),
    modified: node(
      false,
      parts.map(([element, part]) => [element, part.modified] as const),
    ),
    removed: node(
      next === undefined,
      parts.map(([element, part]) => [element, part.removed] as const),
    ),
  };
}

function compareLeaves(old: unknown, next: unknown): Comparison {
  if (old === undefined) return { ...nothing, added: memberOnly };
  if (next === undefined) return { ...nothing, removed: memberOnly };
  return jsonEqual(old, next) ? nothing : { ...nothing, modified: memberOnly };
}
