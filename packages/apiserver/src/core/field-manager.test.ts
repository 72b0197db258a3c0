import { defaultObject, findSchema } from "@coxswain/api";
import { decode, trackUpdate } from "@coxswain/apimachinery";
import type { ApiObject, JsonObject } from "@coxswain/apimachinery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const type = { group: "", version: "v1", kind: "Pod" };
const write = { manager: "maker", apiVersion: "v1", time: "2026-01-01T00:00:00Z", ignored: ["status"] };

const name = fc.constantFrom("a", "b", "c");
const labels = fc.dictionary(name, fc.constantFrom("", "x"), { maxKeys: 2 });
const container = fc.record(
  {
    name,
    image: fc.constantFrom("x:1", "y"),
    env: fc.array(fc.record({ name, value: fc.constantFrom("", "1") }), { maxLength: 3 }),
    ports: fc.array(fc.record({ containerPort: fc.constantFrom(80, 443) }), { maxLength: 3 }),
    securityContext: fc.record(
      { runAsUser: fc.constantFrom(0, 5), capabilities: fc.constant({ add: ["X"] }) },
      { requiredKeys: [] },
    ),
    livenessProbe: fc.record(
      { httpGet: fc.constant({ port: 80 }), periodSeconds: fc.constantFrom(0, 7) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["name"] },
);
const pod = fc.record({
  metadata: fc.record(
    { name, labels, annotations: labels, finalizers: fc.array(fc.constantFrom("x.io/a", "x.io/b"), { maxLength: 2 }) },
    { requiredKeys: ["name"] },
  ),
  spec: fc.record(
    {
      containers: fc.array(container, { maxLength: 3 }),
      nodeSelector: labels,
      hostNetwork: fc.boolean(),
      tolerations: fc.array(fc.constantFrom({ key: "k", operator: "Exists" }, {}), { maxLength: 2 }),
      volumes: fc.array(fc.record({ name, emptyDir: fc.constant({}) }), { maxLength: 2 }),
    },
    { requiredKeys: ["containers"] },
  ),
  status: fc.record({ phase: fc.constantFrom("", "Running") }, { requiredKeys: [] }),
});

describe("the owners of a new object", () => {
  it("are the same whether it is made or grows out of an empty one that somebody else has", () => {
    const schema = findSchema(type);
    if (!schema) throw new Error("no pods");
    const managed = (old: JsonObject | undefined, next: JsonObject): unknown => {
      trackUpdate(schema, old, next, write);
      return (
        (next as ApiObject & JsonObject).metadata.managedFields?.filter(({ manager }) => manager !== "other") ?? []
      );
    };
    // Without any owners an update would track nothing.
    const fieldsV1 = { "f:spec": { "f:nodeName": {} } };
    const other = { manager: "other", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1 };
    fc.assert(
      fc.property(pod, fc.boolean(), (given, hasDefaults) => {
        const made = decode(schema, { kind: "Pod", apiVersion: "v1", ...given }).value as ApiObject & JsonObject;
        if (hasDefaults) defaultObject(type, made);
        const empty = decode(schema, { metadata: { managedFields: [other] } }).value;
        expect(managed(undefined, structuredClone(made))).toEqual(managed(empty, structuredClone(made)));
      }),
    );
  });
});
