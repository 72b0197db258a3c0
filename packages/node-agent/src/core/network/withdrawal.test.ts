import { describe, expect, it } from "vitest";
import type { Lease } from "@coxswain/api/coordination/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { departureOf, proxiesBehind } from "./withdrawal.ts";

const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web-1", namespace: "shop", uid: "u1" } };

function slice(
  resourceVersion: string,
  conditions: { ready?: boolean; terminating?: boolean },
  labels: Record<string, string> = {},
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `web-${resourceVersion}`,
      resourceVersion,
      labels: { "kubernetes.io/service-name": "web", ...labels },
    },
    addressType: "IPv4",
    endpoints: [
      { addresses: ["10.0.0.1"], targetRef: { uid: "u1" }, conditions },
      { addresses: ["10.0.0.2"], targetRef: { uid: "u2" }, conditions: { ready: true } },
    ],
  };
}

function lease(node: string, revision: string | undefined, renewTime = "2026-01-01T00:00:00.000000Z"): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: `proxy-${node}`,
      ...(revision ? { annotations: { "coxswain.io/endpoints-programmed": revision } } : {}),
    },
    spec: { holderIdentity: node, leaseDurationSeconds: 30, renewTime },
  };
}

describe("departureOf", () => {
  it("a pod that no service leads to has nothing to wait for", () => {
    expect(departureOf(pod, [])).toEqual({ state: "no-endpoint" });
    expect(departureOf({ ...pod, metadata: { name: "web-3", uid: "u3" } }, [slice("7", { ready: true })])).toEqual({
      state: "no-endpoint",
    });
  });

  it("headless services and those of other proxies do not count", () => {
    const headless = slice("7", { ready: true }, { "service.kubernetes.io/headless": "" });
    const foreign = slice("8", { ready: true }, { "service.kubernetes.io/service-proxy-name": "other" });
    expect(departureOf(pod, [headless, foreign])).toEqual({ state: "no-endpoint" });
  });

  it("a departure is told when every slice says so, since the newest of them", () => {
    expect(departureOf(pod, [slice("7", { ready: false }), slice("9", { ready: true })])).toEqual({
      state: "not-told",
    });
    expect(departureOf(pod, [slice("9", { ready: false }), slice("7", { ready: true, terminating: true })])).toEqual({
      state: "told",
      revision: 9,
    });
  });
});

describe("proxiesBehind", () => {
  it("proxies that are alive and have not got that far are behind; those that died are not waited for", () => {
    const now = Date.parse("2026-01-01T00:00:20Z");
    const leases = [
      lease("a", "9"),
      lease("b", "10"),
      lease("c", undefined),
      lease("d", "1", "2025-12-31T23:59:00.000000Z"),
    ];
    expect(proxiesBehind(leases, 10, now)).toEqual(["a", "c"]);
    expect(proxiesBehind([], 10, now)).toEqual([]);
  });
});
