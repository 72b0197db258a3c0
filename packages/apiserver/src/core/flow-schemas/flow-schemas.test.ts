import type { PriorityLevelConfiguration } from "@coxswain/api/flowcontrol/v1";
import { describe, expect, it } from "vitest";
import { readRequestInfo } from "../request-info.ts";
import { classify, inOrder } from "./classify.ts";
import { withDangling } from "./dangling.ts";
import { defaultLevels, defaultSchemas, mended } from "./defaults.ts";

const ordered = inOrder(defaultSchemas);
const flowOf = (method: string, path: string, username: string, ...groups: string[]): string => {
  const [plain = "", query = ""] = path.split("?");
  const info = readRequestInfo(method, plain, new URLSearchParams(query));
  return classify(ordered, info, { username, groups: [...groups, "system:authenticated"] })?.metadata.name ?? "";
};

describe("a request's flow schema", () => {
  it.each([
    ["GET", "/api/v1/pods", "admin", ["system:masters"], "exempt"],
    ["GET", "/readyz", "anybody", [], "probes"],
    ["GET", "/metrics", "anybody", [], "global-default"],
    [
      "PUT",
      "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
      "system:kube-scheduler",
      [],
      "system-leader-election",
    ],
    ["GET", "/api/v1/pods", "system:kube-scheduler", [], "kube-scheduler"],
    ["POST", "/api/v1/namespaces/a/endpoints", "system:kube-controller-manager", [], "endpoint-controller"],
    ["PATCH", "/api/v1/nodes/n/status", "system:node:n", ["system:nodes"], "system-node-high"],
    ["GET", "/api/v1/pods?watch=true", "system:node:n", ["system:nodes"], "system-nodes"],
    [
      "GET",
      "/api/v1/namespaces/a/configmaps/c",
      "system:serviceaccount:kube-system:x",
      ["system:serviceaccounts"],
      "workload-leader-election",
    ],
    [
      "GET",
      "/api/v1/pods",
      "system:serviceaccount:kube-system:x",
      ["system:serviceaccounts"],
      "kube-system-service-accounts",
    ],
    ["GET", "/api/v1/pods", "system:serviceaccount:default:x", ["system:serviceaccounts"], "service-accounts"],
    ["GET", "/api/v1/pods", "jane", [], "global-default"],
  ])("of %s %s by %s %j is %s", (method, path, user, groups, expected) => {
    expect(flowOf(method, path, user, ...groups)).toBe(expected);
  });

  it("is none of a resource in a namespace when its rule is for the cluster's alone", () => {
    const [first] = defaultSchemas;
    if (!first?.spec) throw new Error("there are defaults");
    const rules = [
      {
        subjects: [{ kind: "User", user: { name: "*" } }],
        resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true }],
      },
    ];
    const schema = { ...first, spec: { ...first.spec, rules } };
    const user = { username: "jane", groups: [] };
    const info = (path: string) => readRequestInfo("GET", path, new URLSearchParams());
    expect(classify([schema], info("/api/v1/nodes"), user)).toBe(schema);
    expect(classify([schema], info("/api/v1/namespaces/a/pods"), user)).toBeUndefined();
  });
});

describe("the defaults", () => {
  it("name no level that is not among them", () => {
    const levels = defaultLevels.map(({ metadata }) => metadata.name);
    expect(defaultSchemas.filter(({ spec }) => !levels.includes(spec?.priorityLevelConfiguration.name ?? ""))).toEqual(
      [],
    );
  });

  it("come back when they were changed, but for those that an administrator has taken over", () => {
    const wanted = defaultLevels.find(({ metadata }) => metadata.name === "workload-low");
    if (!wanted) throw new Error("there is one");
    const changed = { type: "Limited", limited: { nominalConcurrencyShares: 1 } };
    const stored = (mark: string | undefined, generation: number): PriorityLevelConfiguration => ({
      ...wanted,
      metadata: {
        name: "workload-low",
        generation,
        annotations: mark === undefined ? {} : { "apf.kubernetes.io/autoupdate-spec": mark },
      },
      spec: changed,
    });
    expect(mended({ ...wanted, metadata: { ...wanted.metadata, generation: 1 } }, wanted)).toBeUndefined();
    expect(mended(stored("true", 2), wanted)).toMatchObject({ metadata: { generation: 3 }, spec: wanted.spec });
    expect(mended(stored("false", 2), wanted)).toBeUndefined();
    expect(mended(stored(undefined, 2), wanted)).toMatchObject({
      metadata: { generation: 2, annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } },
      spec: changed,
    });
    expect(mended(stored(undefined, 1), wanted)).toMatchObject({ metadata: { generation: 2 }, spec: wanted.spec });
  });

  it("say that their level is missing, and that it is there again", () => {
    const [schema] = defaultSchemas;
    if (!schema) throw new Error("there are defaults");
    const dangling = withDangling(schema, () => false, "2026-01-01T00:00:00Z");
    expect(dangling?.status?.conditions).toEqual([
      {
        type: "Dangling",
        status: "True",
        reason: "NotFound",
        message:
          'This FlowSchema references the PriorityLevelConfiguration object named "exempt" but there is no such object',
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
    const found = withDangling(dangling ?? schema, () => true, "2026-01-01T00:01:00Z");
    expect(found?.status?.conditions).toMatchObject([
      { status: "False", reason: "Found", lastTransitionTime: "2026-01-01T00:01:00Z" },
    ]);
    expect(withDangling(found ?? schema, () => true, "2026-01-01T00:02:00Z")).toBeUndefined();
  });
});
