import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod, Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { endpointSubsets } from "../endpoints/plan.ts";
import { labelsOfSlices } from "./labels.ts";
import { mostEndpoints, planEndpointSlices } from "./plan.ts";
import type { ReadonlySlice, SliceAction } from "./plan.ts";

const service = (spec: Partial<NonNullable<Service["spec"]>> = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }], ...spec },
});
const pod = (
  number: number,
  parts: { readonly ready?: boolean; readonly deleted?: boolean; readonly phase?: string } = {},
): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: `web-${String(number).padStart(4, "0")}`,
    namespace: "default",
    uid: `uid-${number}`,
    labels: { app: "web" },
    ...(parts.deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
  },
  spec: { nodeName: "n1", containers: [{ name: "web", ports: [{ name: "named", containerPort: 9090 }] }] },
  status: {
    phase: (parts.phase ?? "Running") as "Running",
    podIP: `10.244.${Math.floor(number / 250)}.${number % 250}`,
    conditions: [{ type: "Ready", status: parts.ready === false ? "False" : "True" }],
  },
});
const view = (pods: readonly Pod[], slices: readonly ReadonlySlice[] = [], of: Service = service()) => ({
  service: of,
  pods,
  slices,
  zoneOf: () => undefined,
});

/** What a server would hold after the plan. */
function carryOut(
  slices: readonly ReadonlySlice[],
  actions: readonly SliceAction[],
  next: () => string,
): readonly ReadonlySlice[] {
  let result = [...slices];
  for (const action of actions) {
    if (action.kind !== "create") result = result.filter((slice) => slice !== action.slice);
    if (action.kind === "delete") continue;
    const metadata = action.kind === "update" ? action.slice.metadata : { name: next(), namespace: "default" };
    const labels = labelsOfSlices(service());
    result.push({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels },
      ...action.content,
    } as EndpointSlice);
  }
  return result;
}

describe("planEndpointSlices", () => {
  it("says of each pod whether it is ready, serving and terminating, and leaves ended ones out", () => {
    const plan = planEndpointSlices(
      view([pod(1), pod(2, { ready: false }), pod(3, { deleted: true }), pod(4, { phase: "Succeeded" })]),
    );
    const [action] = plan.actions;
    expect(plan.actions).toHaveLength(1);
    expect(action?.kind === "create" && action.content.ports).toEqual([{ name: "http", port: 8080, protocol: "TCP" }]);
    expect(
      action?.kind === "create" &&
        action.content.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions]),
    ).toEqual([
      ["10.244.0.1", { ready: true, serving: true, terminating: false }],
      ["10.244.0.2", { ready: false, serving: false, terminating: false }],
      ["10.244.0.3", { ready: false, serving: true, terminating: true }],
    ]);
  });

  it("resolves a named port on each pod", () => {
    const plan = planEndpointSlices(view([pod(1)], [], service({ ports: [{ port: 80, targetPort: "named" }] })));
    expect(plan.actions.map((action) => action.kind === "create" && action.content.ports)).toEqual([
      [{ name: "", port: 9090, protocol: "TCP" }],
    ]);
  });

  it("keeps one empty slice for a service without pods", () => {
    const plan = planEndpointSlices(view([]));
    expect(plan.actions).toEqual([{ kind: "create", content: { addressType: "IPv4", ports: [], endpoints: [] } }]);
    expect(
      planEndpointSlices(
        view(
          [],
          carryOut([], plan.actions, () => "s"),
        ),
      ).actions,
    ).toEqual([]);
  });

  it("holds every pod exactly once after any change, is then content, and touches no slice without need", () => {
    const numbers = fc.uniqueArray(fc.nat(400), { maxLength: 350 });
    const check = fc.property(fc.array(numbers, { minLength: 1, maxLength: 4 }), (rounds) => {
      let slices: readonly ReadonlySlice[] = [];
      let names = 0;
      for (const round of rounds) {
        const pods = round.map((number) => pod(number));
        slices = carryOut(slices, planEndpointSlices(view(pods, slices)).actions, () => `slice-${names++}`);
        const held = slices.flatMap((slice) =>
          (slice.endpoints ?? []).map((endpoint) => endpoint.targetRef?.uid ?? ""),
        );
        expect(held.toSorted()).toEqual(pods.map((one) => one.metadata.uid).toSorted());
        expect(Math.max(0, ...slices.map((slice) => slice.endpoints?.length ?? 0))).toBeLessThanOrEqual(mostEndpoints);
        expect(planEndpointSlices(view(pods, slices)).actions).toEqual([]);
      }
    });
    fc.assert(check, { numRuns: 30 });
  });

  it("hints at zone and node as trafficDistribution asks, of ready endpoints only", () => {
    const hints = (trafficDistribution: string | undefined, zone: string | undefined): unknown => {
      const of = service(trafficDistribution === undefined ? {} : { trafficDistribution });
      const plan = planEndpointSlices({ ...view([pod(1), pod(2, { ready: false })], [], of), zoneOf: () => zone });
      return plan.actions.flatMap((action) =>
        action.kind === "delete" ? [] : action.content.endpoints.map((endpoint) => endpoint.hints),
      );
    };
    const [forZones, forNodes] = [[{ name: "z" }], [{ name: "n1" }]];
    expect(hints(undefined, "z")).toEqual([undefined, undefined]);
    expect(hints("PreferClose", "z")).toEqual([{ forZones }, undefined]);
    expect(hints("PreferSameZone", "z")).toEqual([{ forZones }, undefined]);
    expect(hints("PreferSameZone", undefined)).toEqual([undefined, undefined]);
    expect(hints("PreferSameNode", "z")).toEqual([{ forZones, forNodes }, undefined]);
    expect(hints("PreferSameNode", undefined)).toEqual([{ forNodes }, undefined]);
  });

  it("takes over the labels of its service, and leaves those that the service has no more", () => {
    const slices = carryOut([], planEndpointSlices(view([pod(1)])).actions, () => "s");
    const labelled = { ...service(), metadata: { ...service().metadata, labels: { team: "a" } } };
    expect(planEndpointSlices(view([pod(1)], slices, labelled)).actions).toMatchObject([{ kind: "update" }]);
    const others = slices.map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, labels: labelsOfSlices(labelled) },
    }));
    expect(planEndpointSlices(view([pod(1)], others)).actions).toMatchObject([{ kind: "update" }]);
    expect(planEndpointSlices(view([pod(1)], others, labelled)).actions).toEqual([]);
  });

  it("changes one slice when one pod changes", () => {
    let names = 0;
    const pods = Array.from({ length: 250 }, (_, number) => pod(number));
    const slices = carryOut([], planEndpointSlices(view(pods)).actions, () => `slice-${names++}`);
    const plan = planEndpointSlices(view([...pods.slice(1), pod(0, { ready: false })], slices));
    expect(plan.actions.map((action) => action.kind)).toEqual(["update"]);
  });
});

describe("endpointSubsets", () => {
  it("tells ready from not ready addresses and leaves terminating ones out", () => {
    const { subsets } = endpointSubsets(service(), [pod(1), pod(2, { ready: false }), pod(3, { deleted: true })]);
    expect(subsets).toEqual([
      {
        addresses: [
          {
            ip: "10.244.0.1",
            nodeName: "n1",
            targetRef: { kind: "Pod", namespace: "default", name: "web-0001", uid: "uid-1" },
          },
        ],
        notReadyAddresses: [
          {
            ip: "10.244.0.2",
            nodeName: "n1",
            targetRef: { kind: "Pod", namespace: "default", name: "web-0002", uid: "uid-2" },
          },
        ],
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      },
    ]);
  });
});
