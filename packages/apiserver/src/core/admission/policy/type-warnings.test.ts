import type { ValidatingAdmissionPolicy, Validation } from "@coxswain/api/admissionregistration/v1";
import { describe, expect, it } from "vitest";
import { noConversion } from "../../../../testing/no-conversion.ts";
import { createCustomKinds } from "../../custom/custom-kinds.ts";
import { createKinds } from "../../registry/kind.ts";
import { typeWarnings } from "./type-warnings.ts";

const custom = createCustomKinds(noConversion);
custom.put("foobars.example.com", {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "foobars.example.com" },
  status: { conditions: [{ type: "Established", status: "True" }], storedVersions: ["v1"] },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "foobars", singular: "foobar", kind: "FooBar", listKind: "FooBarList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: { replicas: { type: "integer" }, names: { type: "array", items: { type: "string" } } },
              },
            },
          },
        },
      },
    ],
  },
});
const kinds = createKinds(custom);
const warningsOf = async (group: string, resources: string[], ...validations: Validation[]) => {
  const resourceRules = [{ apiGroups: [group], apiVersions: ["v1"], operations: ["*" as const], resources }];
  const policy: ValidatingAdmissionPolicy = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "p" },
    spec: { matchConstraints: { resourceRules }, validations },
  };
  const found = await typeWarnings(policy, async (...type) => kinds.find(...type));
  return found.map(({ fieldRef, warning }) => [fieldRef, warning]);
};
const deployment = (expression: string) => warningsOf("apps", ["deployments"], { expression });

describe("the types in a policy's expressions", () => {
  it("are warned about in the compiler's words, for each kind that the policy names", async () => {
    expect(
      await warningsOf("apps", ["statefulsets", "deployments"], {
        expression: "object.spec.replicas > '1'",
        messageExpression: "'wants replicas > 1, got ' + object.spec.replicas",
      }),
    ).toEqual([
      [
        "spec.validations[0].expression",
        ["Deployment", "StatefulSet"]
          .map(
            (kind) =>
              `apps/v1, Kind=${kind}: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n`,
          )
          .join("\n"),
      ],
      [
        "spec.validations[0].messageExpression",
        ["Deployment", "StatefulSet"]
          .map(
            (kind) =>
              `apps/v1, Kind=${kind}: ERROR: <input>:1:28: found no matching overload for '_+_' applied to '(string, int)'\n | 'wants replicas > 1, got ' + object.spec.replicas\n | ...........................^\n`,
          )
          .join("\n"),
      ],
    ]);
    expect(await deployment("true && object.foo > 1")).toEqual([
      [
        "spec.validations[0].expression",
        "apps/v1, Kind=Deployment: ERROR: <input>:1:15: undefined field 'foo'\n | true && object.foo > 1\n | ..............^\n",
      ],
    ]);
    expect(await warningsOf("example.com", ["foobars"], { expression: "object.spec.names.exists(n, n > 1)" })).toEqual([
      ["spec.validations[0].expression", expect.stringContaining("'_>_' applied to '(string, int)'")],
    ]);
  });

  it.each([
    "object.spec.replicas > 1",
    "object.spec.replicas <= params.maxReplicas",
    "object == null || oldObject.spec.replicas == object.spec.replicas",
    "object.metadata.labels['a'] == 'b' && has(object.metadata.annotations)",
    "object.spec.template.spec.containers.all(c, c.image.startsWith('a') && c.ports[0].containerPort > 1)",
    "object.spec.strategy.rollingUpdate.maxSurge == 1 || object.spec.strategy.rollingUpdate.maxSurge == '10%'",
    "object.spec.template.spec.nodeSelector.all(k, k.contains('a'))",
    "object.?spec.?replicas.orValue(1) > 1",
    "object.metadata.creationTimestamp == oldObject.metadata.creationTimestamp",
    "request.userInfo.username != 'a' && authorizer.group('').resource('pods').check('get').allowed()",
    "variables.x > 1 && namespaceObject.metadata.name.matches('a.*')",
    "string(object.spec.replicas) + 'a' == object.metadata.name",
    "type(object.spec.replicas) == int && object.metadata.finalizers.size() == 0",
  ])("are right in %s", async (expression) => {
    const resourceRules = [
      { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*" as const], resources: ["deployments"] },
    ];
    const policy: ValidatingAdmissionPolicy = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "p" },
      spec: {
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        matchConstraints: { resourceRules },
        variables: [{ name: "x", expression: "object.spec.replicas" }],
        validations: [{ expression }],
      },
    };
    expect(await typeWarnings(policy, async (...type) => kinds.find(...type))).toEqual([]);
  });

  it("are not looked at for kinds that are not named, or not there", async () => {
    const wrong = { expression: "object.nothing > 1" };
    for (const resources of [["*"], ["deployments/scale"], ["nothings"]])
      expect(await warningsOf("apps", resources, wrong)).toEqual([]);
    expect(await warningsOf("*", ["deployments"], wrong)).toEqual([]);
  });

  it("are looked at for every built-in kind without a fault", async () => {
    for (const { group, version, resource, kind } of kinds.all.filter(({ version: of }) => of === "v1")) {
      const found = await warningsOf(group, [resource], {
        expression: "object.kind == 'a' && object.metadata.name != ''",
      });
      expect([kind, version, found]).toEqual([kind, version, []]);
    }
  });
});
