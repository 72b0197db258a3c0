import { describe, expect, it } from "vitest";
import { resources } from "@coxswain/api";
import type { APIService } from "@coxswain/api/apiregistration/v1";
import { available, identityHeaders, offeredBy, ownServices, serviceNameOf, withAvailability } from "./api-services.ts";

const service: APIService = {
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: "v1.shop.example.com" },
  spec: { group: "shop.example.com", version: "v1", groupPriorityMinimum: 1, versionPriority: 1 },
};

describe("groups of other servers", () => {
  it.each([
    ["/apis/shop.example.com/v1", "v1.shop.example.com"],
    ["/apis/shop.example.com/v1/namespaces/a/orders", "v1.shop.example.com"],
    ["/apis/shop.example.com", undefined],
    ["/apis//v1", undefined],
    ["/openapi/v3/apis/shop.example.com/v1", "v1.shop.example.com"],
    ["/openapi/v3/api/v1", undefined],
    ["/api/v1/pods", undefined],
    ["/healthz", undefined],
  ])("%s belongs to %s", (path, name) => {
    expect(serviceNameOf(path)).toBe(name);
  });

  it("say once whether they are available, and since when", () => {
    const first = withAvailability(service, available, "2026-01-01T00:00:00Z");
    expect(first?.status?.conditions).toEqual([
      {
        type: "Available",
        status: "True",
        reason: "Passed",
        message: "all checks passed",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
    expect(first && withAvailability(first, available, "2026-01-01T00:01:00Z")).toBeUndefined();
    const local = first && withAvailability(first, undefined, "2026-01-01T00:02:00Z");
    expect(local?.status?.conditions?.[0]).toMatchObject({
      reason: "Local",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
    const lost = { status: "False", reason: "FailedDiscoveryCheck", message: "" };
    expect(
      first && withAvailability(first, lost, "2026-01-01T00:03:00Z")?.status?.conditions?.[0]?.lastTransitionTime,
    ).toBe("2026-01-01T00:03:00Z");
  });

  it("are told who asks", () => {
    const extra = { "example.com/scopes": ["a", "b"] };
    expect(identityHeaders({ username: "alice", uid: "1", groups: ["g"], extra })).toEqual({
      "x-remote-user": "alice",
      "x-remote-uid": "1",
      "x-remote-group": ["g"],
      "x-remote-extra-example.com%2Fscopes": ["a", "b"],
    });
  });

  it("offer what they list, and nothing of what is no list", () => {
    const list = {
      resources: [
        { name: "orders", singularName: "order", namespaced: true, kind: "Order", verbs: ["get"], shortNames: ["o"] },
        { name: "orders/status", kind: "Order", verbs: ["get"] },
        { kind: "Nameless" },
      ],
    };
    expect(offeredBy(list, "shop.example.com", "v1")).toEqual([
      {
        folder: "",
        group: "shop.example.com",
        version: "v1",
        resource: "orders",
        kind: "Order",
        singular: "order",
        namespaced: true,
        verbs: ["get"],
        shortNames: ["o"],
        categories: [],
        subresources: ["status"],
      },
    ]);
    const metrics = { resources: ["pods/a", "pods/b"].map((name) => ({ name, namespaced: true, kind: "Value" })) };
    expect(offeredBy(metrics, "custom.metrics.k8s.io", "v1beta1")).toMatchObject([
      { resource: "pods", namespaced: true, verbs: [], subresources: ["a", "b"] },
    ]);
    for (const nothing of [undefined, null, "x", [], {}, { resources: "x" }])
      expect(offeredBy(nothing, "g", "v1")).toEqual([]);
  });

  it("stand beside our own, all but the registration's", () => {
    const own = ownServices(resources, "2026-01-01T00:00:00Z");
    const groups = new Set(resources.map(({ group, version }) => `${version}.${group}`));
    groups.delete("v1.apiregistration.k8s.io");
    expect(own.map(({ metadata }) => metadata.name).toSorted()).toEqual([...groups].toSorted());
  });
});
