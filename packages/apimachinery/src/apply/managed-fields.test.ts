import { expect, it } from "vitest";
import type { JsonObject } from "../json-value.ts";
import type { FieldSchema, Schema, StructSchema } from "../schema.ts";
import { applyConfiguration } from "./managed-fields.ts";

function field(name: string, schema: Schema): [string, FieldSchema] {
  return [
    name,
    { name, schema, required: false, omitEmpty: true, pointer: true, number: 0, embeddedIn: [], patchStrategies: [] },
  ];
}
const texts: Schema = { type: "map", values: { type: "scalar", scalar: "string" } };
const schema: StructSchema = {
  type: "struct",
  name: "Widget",
  isKind: true,
  atomic: false,
  fields: new Map([field("metadata", texts), field("spec", texts)]),
};
const apply = (live: JsonObject | undefined, config: JsonObject): JsonObject =>
  applyConfiguration(schema, live, config, {
    manager: "a",
    apiVersion: "v1",
    time: "2026-01-01T00:00:00Z",
    force: false,
  });

it("an applied map that is left empty stays, without what its applier had in it", () => {
  const made = apply(undefined, { spec: { q: "1" } });
  expect(made["spec"]).toEqual({ q: "1" });
  expect(apply(made, { spec: {} })["spec"]).toEqual({});
});
