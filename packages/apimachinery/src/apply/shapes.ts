/**
 * The owned fields of values that are new as a whole. Objects of one maker look alike, so the last few shapes of each structure are
 * remembered with their fields: to see that a value has one of them costs a walk over names, to build its fields anew ten times that.
 *
 *     value ─ same names, same nesting as a remembered shape? ─► its fields, shared and frozen
 *                          └─ no ─► build, remember
 */
import { type JsonObject, setMember } from "../json-value.ts";
import type { FieldsV1 } from "../meta.ts";
import { fieldElement, isContainer, itemElement, type Structure } from "./structure.ts";

interface Shape {
  /** Names of members, or path elements of items, in the order of the value. */
  readonly names: readonly string[];
  /** What lies under each name; undefined for a leaf. */
  readonly children: readonly (Shape | undefined)[];
  readonly fields: FieldsV1;
}

const known = new WeakMap<Structure, Shape[]>();
/** Shapes remembered of a structure; the oldest goes. */
const mostKnown = 8;
/** Wider ones are data rather than fields, and seldom come again. */
const widest = 64;

/** All fields of a container that was not there before. Shared: not to be changed. */
export function fieldsOfNew(structure: Structure, value: unknown): FieldsV1 {
  return shapeOf(structure, value).fields;
}

function shapeOf(structure: Structure, value: unknown): Shape {
  const shapes = known.get(structure) ?? [];
  for (const shape of shapes) if (hasShape(shape, structure, value)) return shape;
  const shape = build(structure, value);
  if (shape.names.length <= widest) {
    if (shapes.push(shape) > mostKnown) shapes.shift();
    known.set(structure, shapes);
  }
  return shape;
}

function hasShape({ names, children }: Shape, structure: Structure, value: unknown): boolean {
  let at = 0;
  const next = (name: string, inner: Structure, child: unknown): boolean => {
    if (names[at] !== name) return false;
    const expected = children[at];
    at += 1;
    return isContainer(inner, child)
      ? expected !== undefined && hasShape(expected, inner, child)
      : expected === undefined;
  };
  return everyChild(structure, value, next) && at === names.length;
}

function build(structure: Structure, value: unknown): Shape {
  const names: string[] = [];
  const children: (Shape | undefined)[] = [];
  const found: [element: string, fields: FieldsV1][] = [];
  const seen = new Set<string>();
  everyChild(structure, value, (name, inner, child) => {
    if (seen.has(name)) return true;
    seen.add(name);
    const shape = isContainer(inner, child) ? shapeOf(inner, child) : undefined;
    names.push(name);
    children.push(shape);
    found.push([structure.is === "members" ? fieldElement(name) : name, shape?.fields ?? leafFields]);
    return true;
  });
  found.sort(([left], [right]) => (left < right ? -1 : 1));
  const fields: FieldsV1 = found.length === 0 ? {} : { ".": leafFields };
  for (const [element, inner] of found) setMember(fields as JsonObject, element, inner);
  return { names, children, fields: Object.freeze(fields) };
}

const leafFields: FieldsV1 = Object.freeze({});

/** Stops at the first that `visit` says no to. Items without a path element are passed over. */
function everyChild(
  structure: Structure,
  value: unknown,
  visit: (name: string, structure: Structure, child: unknown) => boolean,
): boolean {
  if (structure.is === "members") {
    const members = value as JsonObject;
    for (const name of Object.keys(members)) {
      const child = members[name];
      if (child !== undefined && !visit(name, structure.member(name), child)) return false;
    }
  } else if (structure.is === "items") {
    for (const item of value as readonly unknown[]) {
      const element = itemElement(structure, item);
      if (element !== undefined && !visit(element, structure.item, item)) return false;
    }
  }
  return true;
}
