// Watches over nodes' signs of life and carries out what their silence means. Evicting is ../taint-eviction's business.
import { nodes as nodeResource, pods as podResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { allOf } from "../../ownership/batches.ts";
import { isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { planNode } from "./plan.ts";
import type { NodeAction, ReadonlyNode } from "./plan.ts";

export interface NodeLifecycleConfig {
  readonly graceMs: number;
  /** For a node that has never been heard of since this process began to listen. */
  readonly startupGraceMs: number;
}

export function createNodeLifecycleController(ports: ControllerPorts, config: NodeLifecycleConfig): Controller {
  const { client, informers, clock, log } = ports;
  const nodes = informers.nodes();
  const leases = informers.nodeLeases();
  const pods = informers.pods();
  const nodeClient = client.resource(nodeResource);
  const podClient = client.resource(podResource);
  const events = ports.events("node-controller");
  /** The last sign of life of each node and when we saw it. */
  const heard = new Map<string, { readonly sign: string; readonly at: number; readonly spoke: boolean }>();

  const listen = (node: ReadonlyNode): { readonly silentMs: number; readonly graceMs: number } => {
    const { name, uid } = node.metadata;
    const lease = leases.get(`kube-node-lease/${name}`);
    const beats = (node.status?.conditions ?? [])
      .filter((one) => one.status !== "Unknown")
      .map((one) => one.lastHeartbeatTime ?? "");
    const sign = `${uid} ${lease?.spec?.renewTime ?? ""} ${beats.sort().at(-1) ?? ""}`;
    const before = heard.get(name);
    if (before === undefined) heard.set(name, { sign, at: clock.monotonic(), spoke: false });
    else if (before.sign !== sign) heard.set(name, { sign, at: clock.monotonic(), spoke: true });
    const entry = heard.get(name);
    const known = entry?.spoke || lease !== undefined || beats.length > 0;
    return { silentMs: clock.monotonic() - (entry?.at ?? 0), graceMs: known ? config.graceMs : config.startupGraceMs };
  };

  const isSilent = (node: ReadonlyNode): boolean => {
    const { silentMs, graceMs } = listen(node);
    return silentMs >= graceMs;
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const node = nodes.get(key);
    if (node === undefined) {
      heard.delete(key);
      return;
    }
    const sound = listen(node);
    const allSilent = sound.silentMs >= sound.graceMs && nodes.list().every(isSilent);
    const plan = planNode({ node, ...sound, allSilent, nowMs: clock.now() });
    for (const action of plan.actions) {
      if (action.kind !== "mark-pods-not-ready")
        log.info({ controller: "node-lifecycle", node: key, because: plan.because }, "changing a node");
      await act(node, action, signal);
    }
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const act = async (node: ReadonlyNode, action: NodeAction, signal: AbortSignal): Promise<void> => {
    const { name, uid, resourceVersion } = node.metadata;
    switch (action.kind) {
      case "set-conditions":
        await nodeClient.update(
          { ...node, status: { ...node.status, conditions: action.conditions } },
          { subresource: "status", signal },
        );
        if (action.becameUnknown)
          events.record(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
        return;
      case "set-taints": {
        // The status was written a moment ago, so that the version is not the cached one; taints are ours by their keys.
        const fresh = await nodeClient.get({ name }, { signal });
        if (fresh.metadata.uid !== uid) return;
        const same = fresh.metadata.resourceVersion === resourceVersion || sameTaints(fresh, node);
        if (same)
          await nodeClient.update(
            { ...fresh, spec: { ...fresh.spec, taints: action.taints.map((taint) => ({ ...taint })) } },
            { signal },
          );
        return;
      }
      case "mark-pods-not-ready":
        await allOf(pods.byIndex("node", name).filter(isReady), (pod) => markNotReady(pod, signal));
    }
  };

  const markNotReady = async (pod: ReadonlyPod, signal: AbortSignal): Promise<void> => {
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === "Ready"
        ? { ...condition, status: "False" as const, lastTransitionTime: rfc3339(clock.now()) }
        : condition,
    );
    try {
      await podClient.update({ ...pod, status: { ...pod.status, conditions } }, { subresource: "status", signal });
      events.record(pod, "Warning", "NodeNotReady", "Node is not ready");
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error; // it changes by itself, so its node lives, or it is gone
    }
  };

  const watches = [
    // Whether all are silent concerns each of them.
    wakeOn(nodes, (node, event) =>
      event.type === "updated" && readiness(event.old) === readiness(event.object)
        ? [objectKey(node)]
        : nodes.list().map(objectKey),
    ),
    wakeOn(leases, (lease) => [lease.metadata.name]),
    wakeOn(pods, () => []),
  ];
  return createLoop({ name: "node-lifecycle", watches, reconcile }, ports);
}

const readiness = (node: ReadonlyNode): string | undefined =>
  node.status?.conditions?.find((one) => one.type === "Ready")?.status;
const sameTaints = (one: ReadonlyNode, other: ReadonlyNode): boolean =>
  JSON.stringify(one.spec?.taints) === JSON.stringify(other.spec?.taints);
