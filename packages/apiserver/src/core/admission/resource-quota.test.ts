import type { ApiObject } from "@coxswain/apimachinery";
import type { ResourceQuota } from "@coxswain/api/core/v1";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { describe, expect, test } from "vitest";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import type { AdmissionAttributes } from "../request.ts";
import { createResourceQuotaAdmission } from "./resource-quota.ts";

function quota(
  name: string,
  hard: Record<string, string>,
  spec: object = {},
  used?: Record<string, string>,
): ApiObject {
  const zero = Object.fromEntries(Object.keys(hard).map((key) => [key, "0"]));
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name, namespace: "shop" },
    spec: { hard, ...spec },
    status: { hard, used: { ...zero, ...used } },
  } as ApiObject;
}

function pod(resources: object = {}, spec: object = {}): ApiObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "shop" },
    spec: { containers: [{ name: "c", resources }], ...spec },
  } as ApiObject;
}

function gate(...quotas: readonly ApiObject[]) {
  const objects = createMemoryObjects({ resourcequotas: quotas });
  const plugin = createResourceQuotaAdmission(objects, createSimulatedClock());
  return {
    async judge(resource: string, object: ApiObject, rest: Partial<AdmissionAttributes> = {}): Promise<void> {
      const [name = "", ...group] = resource.split(".");
      const attributes: AdmissionAttributes = {
        operation: "CREATE",
        kind: { group: group.join("."), version: "v1", kind: object.kind },
        resource: { group: group.join("."), version: "v1", resource: name },
        subresource: "",
        namespace: "shop",
        name: object.metadata.name,
        object,
        oldObject: undefined,
        user: { username: "jane", groups: [] },
        dryRun: false,
        userAgent: "",
        warn: () => undefined,
        ...rest,
      };
      if (plugin.handles(attributes)) await plugin.validate?.(attributes);
    },
    used: (name: string) =>
      (objects.view({ group: "", resource: "resourcequotas" }).get("shop", name) as ResourceQuota).status?.used,
  };
}

describe("a namespace with quotas", () => {
  test("charges requests, limits and counts, and refuses what is too much in Kubernetes' words", async () => {
    const { judge, used } = gate(quota("compute", { "requests.cpu": "1", "limits.memory": "1Gi", pods: "3" }));
    const half = pod({ requests: { cpu: "500m" }, limits: { memory: "256Mi" } });
    await judge("pods", half);
    await judge("pods", half);
    expect(used("compute")).toEqual({ "requests.cpu": "1", "limits.memory": "512Mi", pods: "2" });
    await expect(judge("pods", half)).rejects.toThrow(
      'pods "web" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, used: requests.cpu=1, limited: requests.cpu=1',
    );
    expect(used("compute")).toEqual({ "requests.cpu": "1", "limits.memory": "512Mi", pods: "2" });
  });

  test("asks every container to say what is limited", async () => {
    const { judge } = gate(quota("compute", { "limits.cpu": "1", memory: "1Gi" }));
    await expect(judge("pods", pod({ limits: { cpu: "1" } }))).rejects.toThrow(
      'pods "web" is forbidden: failed quota: compute: must specify memory for: c',
    );
  });

  test("gives out nothing before the controller has counted", async () => {
    const uncounted = { ...quota("new", { configmaps: "5" }), status: { hard: { configmaps: "5" } } } as ApiObject;
    const { judge } = gate(uncounted);
    await expect(
      judge("configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" } }),
    ).rejects.toThrow('configmaps "a" is forbidden: status unknown for quota: new, resources: configmaps');
  });

  test("counts anything by its name and group", async () => {
    const { judge, used } = gate(quota("objects", { "count/deployments.apps": "1" }));
    const deployment: ApiObject = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace: "shop" },
    };
    await judge("deployments.apps", deployment);
    expect(used("objects")).toEqual({ "count/deployments.apps": "1" });
    await expect(judge("deployments.apps", deployment)).rejects.toThrow(
      "exceeded quota: objects, requested: count/deployments.apps=1",
    );
  });

  test("judges a service again when it comes to need ports of the nodes", async () => {
    const { judge, used } = gate(quota("ports", { "services.nodeports": "1" }));
    const service = (spec: object): ApiObject =>
      ({ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" }, spec }) as ApiObject;
    const inside = service({ type: "ClusterIP", ports: [{ port: 80 }, { port: 81 }] });
    await judge("services", inside);
    const outside = service({ type: "NodePort", ports: [{ port: 80 }, { port: 81 }] });
    await expect(judge("services", outside, { operation: "UPDATE", oldObject: inside })).rejects.toThrow(
      "exceeded quota: ports, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1",
    );
    await judge("services", service({ type: "NodePort", ports: [{ port: 80 }] }), {
      operation: "UPDATE",
      oldObject: inside,
    });
    expect(used("ports")).toEqual({ "services.nodeports": "1" });
  });

  test("keeps to scopes", async () => {
    const { judge, used } = gate(
      quota("best-effort", { pods: "10" }, { scopes: ["BestEffort"] }),
      quota("other", { pods: "10" }, { scopes: ["NotBestEffort"] }),
      quota(
        "important",
        { pods: "10" },
        {
          scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] },
        },
      ),
    );
    await judge("pods", pod());
    await judge("pods", pod({ requests: { cpu: "1" } }, { priorityClassName: "high" }));
    expect([used("best-effort"), used("other"), used("important")]).toEqual([
      { pods: "1" },
      { pods: "1" },
      { pods: "1" },
    ]);
  });

  test("charges all of several quotas or none, and none for a dry run", async () => {
    const { judge, used } = gate(quota("a", { pods: "10" }), quota("b", { pods: "1" }));
    await judge("pods", pod(), { dryRun: true });
    await judge("pods", pod());
    await expect(judge("pods", pod())).rejects.toThrow("exceeded quota: b");
    expect([used("a"), used("b")]).toEqual([{ pods: "1" }, { pods: "1" }]);
  });

  test("lets a full namespace change what does not grow", async () => {
    const { judge } = gate(
      quota("lowered", { services: "1", "services.nodeports": "0" }, {}, { services: "3", "services.nodeports": "2" }),
    );
    const service: ApiObject = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" } };
    await judge("services", service, { operation: "UPDATE", oldObject: service });
  });

  test("never gives out more than there is to a crowd", async () => {
    const { judge, used } = gate(quota("few", { pods: "10" }));
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => judge("pods", pod())));
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(10);
    expect(used("few")).toEqual({ pods: "10" });
  });
});
