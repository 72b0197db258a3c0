import { describe, expect, it } from "vitest";
import { readRequestInfo } from "../request-info.ts";
import { readAuditPolicy } from "./policy.ts";

const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
const policy = readAuditPolicy(`${head}omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:kube-proxy"], verbs: [watch], resources: [{group: "", resources: [endpoints, services]}]}
- {level: None, userGroups: ["system:authenticated"], nonResourceURLs: ["/api*", "/version"]}
- {level: Request, namespaces: [kube-system], resources: [{group: "", resources: [configmaps], resourceNames: [one]}]}
- {level: Metadata, resources: [{group: "", resources: [pods/log, "*/status"]}], omitStages: [ResponseStarted]}
- {level: RequestResponse, omitManagedFields: true, resources: [{group: apps, resources: ["deployments/*"]}, {group: batch}]}
- {level: Metadata, verbs: [delete], namespaces: [""]}
`);
const levelOf = (method: string, path: string, user = "jane", ...groups: string[]): string => {
  const [plain = "", query = ""] = path.split("?");
  const info = readRequestInfo(method, plain, new URLSearchParams(query));
  return policy.decide({ username: user, groups: [...groups, "system:authenticated"] }, info).level;
};

describe("an audit policy", () => {
  it.each([
    ["GET", "/api/v1/services?watch=true", "system:kube-proxy", "None"],
    ["GET", "/apis", "jane", "None"],
    ["GET", "/version", "jane", "None"],
    ["GET", "/api/v1/namespaces/kube-system/configmaps/one", "jane", "Request"],
    ["GET", "/api/v1/namespaces/kube-system/configmaps/two", "jane", "None"],
    ["GET", "/api/v1/namespaces/a/pods/x/log", "jane", "Metadata"],
    ["PUT", "/api/v1/nodes/x/status", "jane", "Metadata"],
    ["GET", "/api/v1/namespaces/a/pods/x", "jane", "None"],
    ["GET", "/apis/apps/v1/namespaces/a/deployments/x/scale", "jane", "RequestResponse"],
    ["GET", "/apis/apps/v1/namespaces/a/deployments/x", "jane", "RequestResponse"],
    ["GET", "/apis/apps/v1/namespaces/a/replicasets", "jane", "None"],
    ["GET", "/apis/batch/v1/jobs", "jane", "RequestResponse"],
    ["DELETE", "/api/v1/nodes/x", "jane", "Metadata"],
    ["DELETE", "/api/v1/namespaces/a/pods/x", "jane", "None"],
  ])("decides of %s %s by %s by the first rule that matches: %s", (method, path, user, level) => {
    expect(levelOf(method, path, user)).toBe(level);
  });

  it("leaves out stages that it or the rule does not want", () => {
    const info = readRequestInfo("GET", "/api/v1/namespaces/a/pods/x/log", new URLSearchParams());
    const { omitStages, omitManagedFields } = policy.decide({ username: "jane", groups: [] }, info);
    expect([[...omitStages], omitManagedFields]).toEqual([["RequestReceived", "ResponseStarted"], false]);
  });

  it.each([
    ["kind: Policy\nrules: [{level: None}]", "expected kind Policy of audit.k8s.io/v1, found Policy of undefined"],
    [`${head}rules: []`, "loaded illegal policy with 0 rules"],
    [`${head}rules: [{level: All}]`, 'rules[0].level: Unsupported value: "All"'],
    [`${head}rules: [{level: None, omitStages: [Never]}]`, 'rules[0].omitStages: Unsupported value: "Never"'],
    [`${head}rules: [{level: None, nonResourceURLs: ["/a*b"]}]`, "rules[0].nonResourceURLs: /a*b: expected"],
    [
      `${head}rules: [{level: None, nonResourceURLs: ["/a"], namespaces: [b]}]`,
      "both regular resources and non-resource",
    ],
    [`${head}rules: [{level: None, users: jane}]`, "rules[0].users: expected a list of texts"],
    [`${head}rules: [{level: None, resources: [{resourceNames: [a]}]}]`, "requires at least one resource"],
    ["a: [", ""],
  ])("is refused when it is %j", (text, why) => {
    expect(() => readAuditPolicy(text)).toThrow(why);
  });
});
