import { beforeAll, describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import { fieldErrorText } from "@coxswain/apimachinery";
import { loadLanguage } from "../cel/lazily.ts";
import { ruleErrors } from "./rule-check.ts";
import type { JsonSchema } from "./structural.ts";

beforeAll(async () => void (await loadLanguage()));

const texts: JsonSchema = { type: "array", items: { type: "string" } };
const properties: Readonly<Record<string, JsonSchema>> = {
  replicas: { type: "integer" },
  "dashed-name": { type: "string" },
  free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  labels: { type: "object", additionalProperties: { type: "string" } },
  steps: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
  texts,
  few: { ...texts, maxItems: 20 },
};
const said = (rule: string | object, spec: JsonSchema = { type: "object", properties }): readonly string[] => {
  const definition: ApiObject & Record<string, unknown> = {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata: { name: "x" },
    spec: {
      versions: [
        {
          name: "v1",
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { ...spec, "x-kubernetes-validations": [typeof rule === "string" ? { rule } : rule] },
              },
            },
          },
        },
      ],
    },
  };
  return ruleErrors(definition).map((error) => fieldErrorText(error).replace(/^.*?: /, ""));
};

describe("rules beside their schema", () => {
  it.each([
    "self.replicas > 1 && has(self.dashed__dash__name)",
    "has(self.free) && self.labels.any == 'x' && self.labels['y'] == 'z'",
    "self.steps.all(s, s.name != '') && self.steps[0].name == 'a' && self.steps.filter(s, s.name == 'x').size() == 1",
    "self.steps.all(i, s, s.name != '') && cel.bind(x, self.steps, x[0].name == 'a')",
    "self.texts.all(t, t.size() < 10)",
    "self.few.all(a, self.few.all(b, a == b || a != b))",
    "oldSelf.replicas <= self.replicas",
  ])("%s is right", (rule) => {
    expect(said(rule)).toEqual([]);
  });

  it.each([
    ["self.replica > 1", 5, "replica"],
    ["self.replicas > 1 && has(self.nope)", 25, "nope"],
    ["self.free.anything == 1", 10, "anything"],
    ["self.steps.all(s, s.nome != '')", 20, "nome"],
    ["self.steps[0].nome == ''", 14, "nome"],
    ["self.steps.all(i, s, s.nome != '')", 23, "nome"],
  ])("%s names a field that is not there", (rule, column, field) => {
    const shown = `ERROR: <input>:1:${column}: undefined field '${field}'\n | ${rule}\n | ${".".repeat(column - 1)}^`;
    const given = {
      Rule: rule,
      Message: "",
      MessageExpression: "",
      Reason: null,
      FieldPath: "",
      OptionalOldSelf: null,
    };
    expect(said(rule)).toEqual([`Invalid value: ${JSON.stringify(given)}: compilation failed: ${shown}`]);
  });

  it.each<[object, string]>([
    [{ rule: "true\n&& true" }, "Required value: message must be specified if rule contains line breaks"],
    [{ rule: "true", message: "a\nb" }, 'Invalid value: "a\\nb": must not contain line breaks'],
    [{ rule: "true", message: " " }, 'Invalid value: " ": must be non-empty if specified'],
    [{ rule: "true", messageExpression: " " }, "Required value: messageExpression must be non-empty if specified"],
    [{ rule: "true", fieldPath: ".nope" }, 'Invalid value: ".nope": must be a valid path'],
    [{ rule: "true", fieldPath: ".steps[0]" }, 'Invalid value: ".steps[0]": must be a valid path'],
    [{ rule: "true", optionalOldSelf: true }, "Invalid value: true: may not be set if oldSelf is not used in rule"],
  ])("%j is refused", (rule, why) => {
    expect(said(rule)).toEqual([why]);
  });

  it("of items without keys cannot look at what was before", () => {
    const items = { type: "object", properties: { a: { type: "string" } } } satisfies JsonSchema;
    const list = (more: object): JsonSchema => ({
      type: "array",
      maxItems: 3,
      items: { ...items, "x-kubernetes-validations": [{ rule: "self == oldSelf" }] },
      ...more,
    });
    const properties = { plain: list({}), keyed: list({ "x-kubernetes-list-type": "map" }) };
    expect(said("true", { type: "object", properties })).toEqual([
      'Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ' +
        "spec.validation.openAPIV3Schema.properties[spec].properties[plain]",
    ]);
  });

  it("that may run for ever are refused", () => {
    const words =
      "Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
    expect(said("self.texts.all(a, self.texts.all(b, a == b))")).toEqual([words]);
  });
});
