import { fieldErrorText } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { expect, it } from "vitest";
import { formatWarnings, schemaErrors } from "./definition-check.ts";
import type { JsonSchema } from "./structural.ts";

function definition(...schemas: JsonSchema[]): ApiObject {
  const versions = schemas.map((spec, index) => ({
    name: `v${index + 1}`,
    schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
  }));
  const metadata = { name: "x" };
  return {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata,
    spec: { versions },
  } as ApiObject;
}
const at = "spec.validation.openAPIV3Schema.properties[spec]";

it.each<[JsonSchema, string[]]>([
  [{ type: "string", default: "x" }, []],
  [
    { type: "string", default: 5 },
    [`${at}.default: Invalid value: "integer":  in body must be of type string: "integer"`],
  ],
  [{ type: "string", enum: ["a"], default: "b" }, [`${at}.default: Unsupported value: "b": supported values: "a"`]],
  [
    { type: "object", default: { a: 1, b: 2 }, properties: { a: { type: "string" } } },
    [
      `${at}.default: Invalid value: {"a":1,"b":2}: must not have unknown fields`,
      `${at}.default.a: Invalid value: "integer": a in body must be of type string: "integer"`,
    ],
  ],
  [
    { type: "string", pattern: "(?=a)" },
    [
      `${at}.pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?=\``,
    ],
  ],
])("of %j is said what only the server can judge", (schema, errors) => {
  expect(schemaErrors(definition(schema)).map(fieldErrorText)).toEqual(errors);
});

it("names the version where versions differ, and looks only at schemas that changed", () => {
  const good: JsonSchema = { type: "string" };
  const bad: JsonSchema = { type: "string", default: 1 };
  const fields = schemaErrors(definition(good, bad)).map(({ field }) => field);
  expect(fields).toEqual(["spec.versions[1].schema.openAPIV3Schema.properties[spec].default"]);
  expect(schemaErrors(definition(good, bad), definition(good, bad))).toEqual([]);
});

it("warns of formats that nobody checks, once", () => {
  const made = definition({
    type: "object",
    properties: { a: { type: "string", format: "weird" }, b: { type: "string", format: "date" } },
  });
  expect(formatWarnings(made)).toEqual(['unrecognized format "weird"']);
  expect(formatWarnings(made, made)).toEqual([]);
});
