import { beforeAll, describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import { fieldErrorText } from "@coxswain/apimachinery";
import { loadLanguage } from "../cel/lazily.ts";
import { expressionErrors } from "./expressions.ts";

beforeAll(async () => void (await loadLanguage()));

const said = (expression: string): readonly string[] => {
  const webhooks: ApiObject & Record<string, unknown> = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "x" },
    webhooks: [{ matchConditions: [{ name: "a", expression }] }],
  };
  return expressionErrors(webhooks).map(fieldErrorText);
};

describe("types of expressions in admission", () => {
  it.each([
    ["object.x.size() == 'a'", 17, "found no matching overload for '_==_' applied to '(int, string)'"],
    ["object.x.matches('[')", 18, "invalid matches argument"],
    ["[1, 'a'] == object.x", 5, "expected type 'int' but found 'string'"],
    ["object.l.all(x, 1)", 17, "expected type 'bool' but found 'int'"],
  ])("%s does not fit", (expression, column, words) => {
    const shown = `ERROR: <input>:1:${column}: ${words}\n | ${expression}\n | ${".".repeat(column - 1)}^`;
    expect(said(expression)).toEqual([
      `webhooks[0].matchConditions[0].expression: Invalid value: ${JSON.stringify(expression)}: compilation failed: ${shown}`,
    ]);
  });

  it.each([
    "object.spec.replicas <= 5 && [object.a, 1, 'x'].size() == 3",
    "request.userInfo.groups.exists(g, g == 'x') || authorizer.group('a').resource('b').check('get').allowed()",
    "object.?metadata.?labels[?'a'].orValue('') == 'b' || (has(object.a) ? object.a : []) == []",
    "oldObject == null || object.list.map(c, c.name) + ['a'] == oldObject.list",
  ])("%s may fit", (expression) => {
    expect(said(expression)).toEqual([]);
  });
});
