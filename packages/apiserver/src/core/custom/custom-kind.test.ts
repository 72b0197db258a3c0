import { parseJson, StatusError } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
import { expect, it } from "vitest";
import { parseText } from "../body/decode-body.ts";
import { customKinds } from "./custom-kind.ts";

const definition = {
  kind: "CustomResourceDefinition",
  apiVersion: "apiextensions.k8s.io/v1",
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", properties: { replicas: { type: "integer" } } } },
          },
        },
        subresources: { scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" } },
      },
    ],
  },
} as CustomResourceDefinition;
const nobody = { post: () => Promise.reject(new Error("nobody converts")) };
const [widgets] = customKinds(definition, { caller: nobody, uuid: () => "" });
if (!widgets) throw new Error("the definition serves no version");
const { rules } = widgets;

function decoded(text: string, warnings: string[] = []): ApiObject {
  return rules.decode(parseText(text, "json", "Widget"), "Strict", (warning) => warnings.push(warning));
}

function refusal(text: string): unknown {
  try {
    decoded(text);
    return "none";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return [error.status.code, error.status.message];
  }
}

it.each([
  [
    '{"apiVersion":"example.com/v1"}',
    400,
    `the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{"apiVersion":"example.com/v1"}' ({"apiVersion":"example.com/v1" ...)`,
  ],
  ['{"kind":"Widget"}', 400, "the API version in the data () does not match the expected API version (example.com/v1)"],
  [
    '{"apiVersion":"example.com/v1","kind":"Gadget","metadata":{"name":"a"}}',
    422,
    'Gadget.example.com "a" is invalid: kind: Invalid value: "Gadget": must be Widget',
  ],
  [
    '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"labels":{"a":1}}}',
    400,
    'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
  ],
  [
    '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"x":1},"spec":{"z":1,"y":1,"y":2},"a":1}',
    400,
    'Widget in version "v1" cannot be handled as a Widget: strict decoding error: duplicate field "spec.y", unknown field "a", unknown field "metadata.x", unknown field "spec.y", unknown field "spec.z"',
  ],
])("what is refused of %s", (text, code, message) => {
  expect(refusal(text)).toEqual([code, message]);
});

const widget = (metadata: object, rest: object = {}): ApiObject =>
  parseJson(
    JSON.stringify({
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "a", namespace: "b", ...metadata },
      ...rest,
    }),
  ) as ApiObject;

it("warns of finalizers that name no domain, unless they were there before or are Kubernetes' own", () => {
  const why = "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers";
  const object = widget({ finalizers: ["mine", "example.com/mine", "orphan", "old"] });
  expect(rules.warnings(object, widget({ finalizers: ["old"] }))).toEqual([`metadata.finalizers: "mine": ${why}`]);
});

it("holds the numbers that scale shows to its bounds", () => {
  const errors = rules.validateCreate(widget({}, { spec: { replicas: -1 }, status: { replicas: 2 ** 31 } }));
  expect(errors.map(({ field, detail }) => [field, detail])).toEqual([
    [".spec.replicas", "should be a non-negative integer"],
    [".status.replicas", "should be less than or equal to 2147483647"],
  ]);
});

it.each([
  ["2026-01-01T00:00:00Z", "3h"],
  ["2026-01-01T00:00:00+01:00", "4h"],
  ["2026-01-01", "<invalid>"],
  ["1", "<invalid>"],
  ["", "<unknown>"],
  [5, null],
  [undefined, null],
])("a column of dates shows %j as %j", (time, shown) => {
  const dated = structuredClone(definition);
  const [version] = dated.spec.versions;
  if (version) version.additionalPrinterColumns = [{ name: "Since", type: "date", jsonPath: ".since" }];
  const [kind] = customKinds(dated, { caller: nobody, uuid: () => "" });
  const object = { kind: "Widget", apiVersion: "example.com/v1", metadata: { name: "a" }, since: time };
  expect(kind?.rules.table?.cells(object as ApiObject, Date.parse("2026-01-01T03:00:00Z"))).toEqual(["a", shown]);
});
