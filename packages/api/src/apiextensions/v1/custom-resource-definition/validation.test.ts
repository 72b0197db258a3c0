import { fieldErrorText } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import type { CustomResourceDefinition, JSONSchemaProps } from "../types.ts";
import { validateCustomResourceDefinition, validateCustomResourceDefinitionUpdate } from "./validation.ts";

function definition(schema: JSONSchemaProps, version: object = {}, group = "example.com"): CustomResourceDefinition {
  return {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
    },
  } as CustomResourceDefinition;
}
/** What apiextensions-apiserver 0.36 says of the same, behind the place of the schema. */
const said = (schema: JSONSchemaProps): string[] =>
  validateCustomResourceDefinition(definition(schema)).map((error) =>
    fieldErrorText(error).replace("spec.validation.openAPIV3Schema.", ""),
  );
const spec = (schema: JSONSchemaProps): JSONSchemaProps => ({ type: "object", properties: { spec: schema } });
const list = (more: object, items: JSONSchemaProps = { type: "string" }): JSONSchemaProps =>
  spec({ type: "array", items, ...more });
const keyed = (keys: string[], items: JSONSchemaProps): JSONSchemaProps =>
  list({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys }, items);
const a = (schema: JSONSchemaProps): JSONSchemaProps => ({
  type: "object",
  required: ["a"],
  properties: { a: schema },
});

describe("a schema", () => {
  it.each<[JSONSchemaProps, string]>([
    [{ type: "string" }, 'type: Invalid value: "string": must be object at the root'],
    [{}, "type: Required value: must not be empty at the root"],
    [{ type: "object", nullable: true }, "nullable: Forbidden: nullable cannot be true at the root"],
    [spec({}), "properties[spec].type: Required value: must not be empty for specified object fields"],
    [
      spec({ type: "foo" }),
      'properties[spec].type: Unsupported value: "foo": supported values: "array", "boolean", "integer", "number", "object", "string"',
    ],
    [spec({ type: "array" }), "properties[spec].items: Required value: must be specified"],
    [spec({ $ref: "#/x" }), "properties[spec].$ref: Forbidden: $ref is not supported"],
    [
      list({ uniqueItems: true }),
      "properties[spec].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
    ],
    [
      spec({ type: "object", additionalProperties: { type: "string" }, properties: { a: { type: "string" } } }),
      "properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
    ],
    [
      spec({ type: "object", anyOf: [{ type: "object" }] }),
      "properties[spec].anyOf[0].type: Forbidden: must be empty to be structural",
    ],
    [
      spec({ type: "object", "x-kubernetes-embedded-resource": true }),
      "properties[spec].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
    ],
    [
      { type: "object", properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } },
      "properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
    ],
    [
      list({ "x-kubernetes-list-type": "foo" }),
      'properties[spec].x-kubernetes-list-type: Unsupported value: "foo": supported values: "atomic", "set", "map"',
    ],
    [
      list({ "x-kubernetes-list-type": "set" }, { type: "object" }),
      "properties[spec].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set",
    ],
    [
      keyed(["b"], a({ type: "string" })),
      'properties[spec].x-kubernetes-list-map-keys: Invalid value: ["b"]: entries must all be names of item properties',
    ],
    [
      keyed(["a"], { type: "object", properties: { a: { type: "string" } } }),
      "properties[spec].items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
    ],
    [
      keyed(["a"], a({ type: "object" })),
      `properties[spec].items.properties[a].type: Invalid value: "object": must be a scalar type if parent array's x-kubernetes-list-type is map`,
    ],
    [
      spec({ type: "string", "x-kubernetes-map-type": "atomic" }),
      'properties[spec].type: Invalid value: "string": must be object if x-kubernetes-map-type is specified',
    ],
  ])("%j is refused", (schema, why) => {
    expect(said(schema)).toEqual([why]);
  });

  it.each<JSONSchemaProps>([
    spec({ "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] }),
    spec({ type: "object", additionalProperties: true }),
    { type: "object", properties: { metadata: { type: "object", properties: { name: { type: "string" } } } } },
    keyed(["a", "b"], {
      type: "object",
      required: ["a"],
      properties: { a: { type: "string" }, b: { type: "string", default: "x" } },
    }),
    spec({ type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] }),
  ])("%j is structural", (schema) => {
    expect(said(schema)).toEqual([]);
  });
});

describe("a version", () => {
  it.each<[object, string[]]>([
    [
      { deprecationWarning: "x" },
      ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions'],
    ],
    [
      { subresources: { scale: { specReplicasPath: "spec.replicas", statusReplicasPath: ".foo.x" } } },
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: "spec.replicas": must be a simple json path starting with .',
        'spec.subresources.scale.statusReplicasPath: Invalid value: ".foo.x": should be a json path under .status',
      ],
    ],
    [
      { additionalPrinterColumns: [{ name: "A", type: "foo", jsonPath: "a", format: "bar" }] },
      [
        'spec.additionalPrinterColumns[0].type: Invalid value: "foo": must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[0].format: Invalid value: "bar": must be one of byte,date,date-time,double,float,int32,int64,password',
        'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
      ],
    ],
    [
      { selectableFields: [{ jsonPath: ".spec.none" }, { jsonPath: ".spec" }] },
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
        'spec.selectableFields[1].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
  ])("%j is refused", (version, errors) => {
    const made = validateCustomResourceDefinition(definition(spec({ type: "object" }), version));
    expect(made.map(fieldErrorText)).toEqual(errors);
  });
});

it("what a definition had before it may keep", () => {
  const old = definition(spec({ type: "foo" }));
  expect(validateCustomResourceDefinitionUpdate(definition(spec({ type: "foo" })), old)).toEqual([]);
  expect(validateCustomResourceDefinitionUpdate(definition(spec({ type: "bar" })), old)).toHaveLength(1);
});

it("groups under Kubernetes' own domains say who approved them", () => {
  const fields = (annotations: Record<string, string>): string[] => {
    const made = definition(spec({ type: "object" }), {}, "x.k8s.io");
    return validateCustomResourceDefinition({ ...made, metadata: { ...made.metadata, annotations } }).map(
      ({ type }) => type,
    );
  };
  expect(fields({})).toEqual(["FieldValueRequired"]);
  expect(fields({ "api-approved.kubernetes.io": "me" })).toEqual(["FieldValueInvalid"]);
  expect(fields({ "api-approved.kubernetes.io": "https://example.com/1" })).toEqual([]);
  expect(fields({ "api-approved.kubernetes.io": "unapproved, a trial" })).toEqual([]);
});
