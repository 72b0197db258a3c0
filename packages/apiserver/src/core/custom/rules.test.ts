import { beforeAll, describe, expect, it } from "vitest";
import { fieldErrorText } from "@coxswain/apimachinery";
import { loadLanguage } from "../cel/lazily.ts";
import type { JsonSchema } from "./structural.ts";
import { validateByRules } from "./rules.ts";
import { validateBySchema } from "./validate.ts";

const schema: JsonSchema = {
  type: "object",
  "x-kubernetes-validations": [{ rule: "self.metadata.name.startsWith('a')", message: "must begin with a" }],
  properties: {
    spec: {
      type: "object",
      required: ["replicas"],
      "x-kubernetes-validations": [
        {
          rule: "self.replicas <= self.most",
          messageExpression: "'%d is more than %d'.format([self.replicas, self.most])",
        },
        {
          rule: "!has(self.mode) || self.mode == oldSelf.mode",
          message: "mode cannot change",
          reason: "FieldValueForbidden",
          fieldPath: ".mode",
        },
        { rule: "self.gone == 1 || self.replicas < 100" },
      ],
      properties: {
        replicas: { type: "integer" },
        most: { type: "integer" },
        mode: { type: "string" },
        limits: {
          type: "object",
          additionalProperties: { type: "integer", "x-kubernetes-validations": [{ rule: "self > 0" }] },
        },
        steps: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            properties: { name: { type: "string" }, cost: { type: "integer" } },
            "x-kubernetes-validations": [{ rule: "self.cost >= oldSelf.cost", message: "cost may only rise" }],
          },
        },
      },
    },
  },
};

beforeAll(async () => void (await loadLanguage()));

const object = (name: string, spec: object): object => ({ apiVersion: "x/v1", kind: "X", metadata: { name }, spec });
const said = (value: object, old?: object): string[] => {
  const errors = validateBySchema(value, schema, "", old);
  return [...errors, ...validateByRules(value, schema, errors, old)].map(fieldErrorText);
};

describe("rules of a schema", () => {
  it("say what is wrong where it is, each in its own words", () => {
    expect(said(object("a", { replicas: 1, most: 2, limits: { x: 1 } }))).toEqual([]);
    expect(said(object("b", { replicas: 3, most: 2, limits: { x: 0 } }))).toEqual([
      '<nil>: Invalid value: "object": must begin with a',
      'spec: Invalid value: "object": 3 is more than 2',
      'spec.limits[x]: Invalid value: "integer": failed rule: self > 0',
    ]);
    expect(said(object("a", { replicas: 100, most: 100 }))).toEqual([
      'spec: Invalid value: "object": no such key: gone evaluating rule: self.gone == 1 || self.replicas < 100',
    ]);
  });

  it("speak of what was before only where something was, and not of what has not changed", () => {
    const old = object("a", { replicas: 1, most: 2, mode: "x", steps: [{ name: "s", cost: 2 }], limits: { x: 0 } });
    expect(said(object("a", { replicas: 1, most: 2, mode: "y", limits: { x: 0 } }), old)).toEqual([
      "spec.mode: Forbidden: mode cannot change",
    ]);
    expect(
      said(
        object("a", {
          replicas: 1,
          most: 2,
          mode: "x",
          steps: [
            { name: "t", cost: 0 },
            { name: "s", cost: 1 },
          ],
        }),
        old,
      ),
    ).toEqual(['spec.steps[1]: Invalid value: "object": cost may only rise']);
  });

  it("are not asked of an object without the shape that they count on", () => {
    expect(said(object("b", { most: 1 }))).toEqual([
      "spec.replicas: Required value",
      "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    ]);
  });
});
