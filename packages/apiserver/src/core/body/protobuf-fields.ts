// The fields of a struct's protobuf message by their numbers, for who reads and who writes it. Structs embedded in it are messages of their own
// there, whose members stand beside the others in JSON.
import type { FieldSchema, StructSchema } from "@coxswain/apimachinery";

/** A member, or an embedded message. */
export type Slot = { readonly field: FieldSchema } | { readonly embedded: Slots };

export interface Slots {
  readonly byNumber: ReadonlyMap<number, Slot>;
  /** From the highest number to the lowest. */
  readonly backward: readonly (readonly [number: number, slot: Slot])[];
}

const tables = new WeakMap<StructSchema, Slots>();

export function slotsOf(schema: StructSchema): Slots {
  let table = tables.get(schema);
  if (table === undefined) tables.set(schema, (table = makeTable([...schema.fields.values()], 0)));
  return table;
}

function makeTable(fields: readonly FieldSchema[], level: number): Slots {
  const slots: [number, Slot][] = [];
  const inside = new Map<number, FieldSchema[]>();
  for (const field of fields) {
    const outer = field.embeddedIn[level];
    if (outer === undefined) slots.push([field.number, { field }]);
    else inside.set(outer, [...(inside.get(outer) ?? []), field]);
  }
  for (const [number, members] of inside) slots.push([number, { embedded: makeTable(members, level + 1) }]);
  return { byNumber: new Map(slots), backward: slots.sort(([left], [right]) => right - left) };
}
