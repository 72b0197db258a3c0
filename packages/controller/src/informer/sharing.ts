// Keeps what objects have in common once. Ten thousand pods of a few owners differ in names, addresses and times; the rest of each
// (images, tolerations, volumes' sources, labels, owners) was parsed anew for each and says the same. Changes nothing that can be
// seen: a part is replaced by an equal one only. Knows no kinds.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

export interface Sharing<T> {
  /** Takes a freshly read object over and answers it with parts of others in it; `known` is its version before. */
  keep(object: T, known: DeepReadonly<T> | undefined): T;
}

/** So many families are remembered, by one member each; the oldest is forgotten first. */
const mostFamilies = 1_000;

export function createSharing<T extends ApiObject>(): Sharing<T> {
  const models = new Map<string, unknown>();
  return {
    keep(object, known) {
      if (known !== undefined) return withPartsOf(object, known) as T;
      const family = object.metadata.ownerReferences?.find(({ controller }) => controller)?.uid ?? "";
      const model = models.get(family);
      if (model !== undefined) return withPartsOf(object, model) as T;
      models.set(family, object);
      if (models.size > mostFamilies) models.delete(models.keys().next().value ?? "");
      return object;
    },
  };
}

/**
 * The value with every part of `model` that says the same in the same place; `model` itself when all of it does. The value is
 * changed in place: it must be nobody else's.
 */
function withPartsOf(value: unknown, model: unknown): unknown {
  // Equal texts are two pieces of memory until one of them is let go.
  if (value === model) return model;
  if (typeof value !== "object" || value === null || typeof model !== "object" || model === null) return value;
  if (Array.isArray(value)) return Array.isArray(model) ? itemsOf(value, model) : value;
  return Array.isArray(model)
    ? value
    : membersOf(value as Record<string, unknown>, model as Readonly<Record<string, unknown>>);
}

function membersOf(value: Record<string, unknown>, model: Readonly<Record<string, unknown>>): unknown {
  let same = true;
  let members = 0;
  for (const name in value) {
    members++;
    const part = Object.hasOwn(model, name) ? model[name] : undefined;
    const kept = withPartsOf(value[name], part);
    value[name] = kept;
    if (kept === undefined || kept !== part) same = false;
  }
  return same && members === Object.keys(model).length ? model : value;
}

function itemsOf(value: unknown[], model: readonly unknown[]): unknown {
  let same = value.length === model.length;
  const common = Math.min(value.length, model.length);
  for (let index = 0; index < common; index++) {
    value[index] = withPartsOf(value[index], model[index]);
    if (value[index] !== model[index]) same = false;
  }
  return same ? model : value;
}
