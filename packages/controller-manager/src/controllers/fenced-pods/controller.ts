// Removes pods whose node's agent has ended them by itself. Silence is measured on this process's own clock, from when it saw the lease
// change last: a new process begins anew. Before it acts it asks the API whether the lease is still the one that it knows.
import { leases as leaseResource } from "@coxswain/api/coordination/v1";
import type { Lease } from "@coxswain/api/coordination/v1";
import { nodes as nodeResource, pods as podResource } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { heartbeatKey, heartbeatNamespace } from "../../nodes/heartbeats.ts";
import { allOf } from "../../ownership/batches.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { revisionLabel } from "../../revisions/revisions.ts";
import { planFencedPods } from "./plan.ts";
import { fencedPodWatches } from "./watches.ts";

export function createFencedPodsController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const followed = {
    nodes: informers.nodes(),
    leases: informers.leases(),
    pods: informers.pods(),
    revisions: informers.controllerRevisions(),
  };
  const podClient = client.resource(podResource);
  const events = ports.events("fenced-pods-controller");
  /** The last sign of life of each node, and when it was seen here. */
  const heard = new Map<string, { readonly sign: string; readonly atMs: number }>();

  const listen = (name: string, lease: DeepReadonly<Lease> | undefined): number => {
    const sign = signOf(lease);
    const before = heard.get(name);
    if (before?.sign === sign) return clock.monotonic() - before.atMs;
    heard.set(name, { sign, atMs: clock.monotonic() });
    return 0;
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const node = followed.nodes.get(name);
    if (node === undefined) {
      heard.delete(name);
      return;
    }
    const view = {
      silentMs: listen(name, followed.leases.get(heartbeatKey(name))),
      pods: followed.pods.byIndex("node", name),
      revisionOf: ({ metadata }: ReadonlyPod) =>
        followed.revisions.get(`${metadata.namespace}/${metadata.labels?.[revisionLabel] ?? ""}`),
    };
    const expected = planFencedPods({ ...view, node });
    if (expected.actions.length === 0) return { wakeAfterMs: expected.wakeAfterMs };
    // The cache may be behind: what the API itself has now decides.
    const [freshNode, freshLease] = await Promise.all([
      client.resource(nodeResource).get({ name }, { signal }),
      readLease(name, signal),
    ]);
    const silentMs = listen(name, freshLease);
    const plan = planFencedPods({ ...view, node: freshNode, silentMs });
    await allOf(plan.actions, ({ pod }) => remove(pod, name, plan.because, signal));
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const readLease = async (name: string, signal: AbortSignal): Promise<Lease | undefined> => {
    try {
      return await client.resource(leaseResource).get({ namespace: heartbeatNamespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const remove = async (pod: ReadonlyPod, node: string, because: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    log.info({ controller: "fenced-pods", object: `${namespace}/${name}`, node, because }, "removing a pod");
    const target = {
      type: "DisruptionTarget",
      status: "True" as const,
      reason: "DeletionByFencing",
      message: `Node ${node}: ${because}`,
      lastTransitionTime: rfc3339(clock.now()),
    };
    try {
      await podClient.patch(
        { namespace, name },
        { metadata: { uid }, status: { phase: "Failed", conditions: [target] } },
        { type: "strategic", subresource: "status", signal },
      );
      await podClient.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid: uid ?? "" }, signal });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another pod by now
      return;
    }
    events.record(pod, "Warning", "FencedPodRemoved", `Removed from node ${node}: ${because}`);
  };

  return createLoop({ name: "fenced-pods", watches: fencedPodWatches(followed), reconcile }, ports);
}

const signOf = (lease: DeepReadonly<Lease> | undefined): string =>
  `${lease?.metadata.uid ?? ""} ${lease?.spec?.holderIdentity ?? ""} ${lease?.spec?.renewTime ?? ""}`;
