/** Fields of a configuration that its type does not have, in the words of structured-merge-diff. */
import { isJsonObject } from "../json-value.ts";
import type { Schema } from "../schema.ts";
import { elementText } from "./field-set.ts";
import { fieldElement, itemElement, structureOf } from "./structure.ts";

/** `paths` are those of strict decoding: `spec.containers[0].imgae`. */
export function undeclaredFields(schema: Schema, value: unknown, paths: readonly string[]): string {
  const errors = paths.map((path) => `${typedPath(schema, value, path)}: field not declared in schema`);
  return errors.length === 1 ? errors.join("") : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
}

/** Items of lists are named by their keys where the list has some: `.spec.containers[name="a"].imgae`. */
function typedPath(schema: Schema, value: unknown, path: string): string {
  let structure = structureOf(schema);
  let at = value;
  let text = "";
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (name !== undefined) {
      text += elementText(fieldElement(name));
      at = isJsonObject(at) ? at[name] : undefined;
      structure = structure.is === "members" ? structure.member(name) : structure;
    } else {
      at = Array.isArray(at) ? (at as readonly unknown[])[Number(index)] : undefined;
      const element = structure.is === "items" ? itemElement(structure, at) : undefined;
      text += element === undefined ? `[${index}]` : elementText(element);
      structure = structure.is === "items" ? structure.item : structure;
    }
  }
  return text;
}
