// Watches over nodes' signs of life and carries out what their silence means. Evicting is ../taint-eviction's business.
import { nodes as nodeResource, pods as podResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { heartbeatKey, heartbeatOf } from "../../nodes/heartbeats.ts";
import { allOf } from "../../ownership/batches.ts";
import { isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { isEvicted, planNode } from "./plan.ts";
import type { NodeAction, NodeView, ReadonlyNode } from "./plan.ts";
import { createTurnstile, rateOf, zoneOf, zoneState } from "./zones.ts";
import type { Census, EvictionRates, Turnstile } from "./zones.ts";

export interface NodeLifecycleConfig {
  readonly graceMs: number;
  /** For a node that has never been heard of since this process began to listen. */
  readonly startupGraceMs: number;
  readonly rates: EvictionRates;
}

export function createNodeLifecycleController(ports: ControllerPorts, config: NodeLifecycleConfig): Controller {
  const { client, informers, clock, log } = ports;
  const nodes = informers.nodes();
  const leases = informers.leases();
  const pods = informers.pods();
  const nodeClient = client.resource(nodeResource);
  const podClient = client.resource(podResource);
  const events = ports.events("node-controller");
  /** Nodes that were told of as registered, by name. */
  const registered = new Map<string, ReadonlyNode>();
  /** The last sign of life of each node and when we saw it. */
  const heard = new Map<string, { readonly sign: string; readonly at: number; readonly spoke: boolean }>();

  const listen = (node: ReadonlyNode): { readonly silentMs: number; readonly graceMs: number } => {
    const { name, uid } = node.metadata;
    const lease = leases.get(heartbeatKey(name));
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

  /** Says that a node is looked after from now on, once for each node of a name. */
  const register = (node: ReadonlyNode): void => {
    const { name, uid } = node.metadata;
    const before = registered.get(name);
    registered.set(name, node);
    if (before?.metadata.uid === uid) return;
    events.record(node, "Normal", "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
  };

  const remove = (name: string): void => {
    const node = registered.get(name);
    registered.delete(name);
    if (node)
      events.record(node, "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
  };

  const isDown = (node: ReadonlyNode): boolean => {
    const { silentMs, graceMs } = listen(node);
    return silentMs >= graceMs || isUnready(node);
  };

  const turnstiles = new Map<string, Turnstile>();
  /** Nodes that were let through and do not carry their taint yet. */
  const letGo = new Set<string>();
  let everythingDown = false;
  /** When the first node was well again after all had been down; monotonic ms. */
  let recoveredAt = Number.NEGATIVE_INFINITY;
  const setEverythingDown = (down: boolean): void => {
    if (down === everythingDown) return;
    everythingDown = down;
    if (!down) recoveredAt = clock.monotonic();
    log.warn(
      { controller: "node-lifecycle" },
      down
        ? "every node is down: nobody is evicted"
        : "some nodes are well again: the others have a grace period to follow",
    );
  };

  /** Whether the zone of a node that is down lets it go now; if not, when to ask again although nothing changes. */
  const askZone = (node: ReadonlyNode): { readonly eviction: NodeView["eviction"]; readonly askAfterMs?: number } => {
    const zones = new Map<string, Census>();
    for (const one of nodes.list()) {
      if (readiness(one) === undefined && !isDown(one)) continue; // it has not spoken yet
      const { ready, down } = zones.get(zoneOf(one)) ?? { ready: 0, down: 0 };
      zones.set(zoneOf(one), isDown(one) ? { ready, down: down + 1 } : { ready: ready + 1, down });
    }
    const allDown = [...zones.values()].every((census) => zoneState(census, config.rates) === "full");
    setEverythingDown(allDown);
    const { name } = node.metadata;
    if (allDown) letGo.delete(name);
    if (allDown) return { eviction: "never" };
    if (letGo.has(name) || isEvicted(node)) return { eviction: "now" };
    // What had taken all of them ends for one before it does for the next.
    const stillGraceMs = recoveredAt + config.graceMs - clock.monotonic();
    if (stillGraceMs > 0) return { eviction: "later", askAfterMs: Math.ceil(stillGraceMs) };
    const zone = zoneOf(node);
    const census = zones.get(zone) ?? { ready: 0, down: 1 };
    const turnstile = turnstiles.get(zone) ?? createTurnstile();
    turnstiles.set(zone, turnstile);
    const waitMs = turnstile.pass(rateOf(zoneState(census, config.rates), census, config.rates), clock.monotonic());
    if (waitMs === 0) letGo.add(name);
    if (waitMs === 0) return { eviction: "now" };
    return Number.isFinite(waitMs) ? { eviction: "later", askAfterMs: waitMs } : { eviction: "later" };
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const node = nodes.get(key);
    if (node === undefined) {
      heard.delete(key);
      letGo.delete(key);
      remove(key);
      return;
    }
    register(node);
    const sound = listen(node);
    const down = isDown(node);
    if (!down) letGo.delete(key);
    if (!down && readiness(node) !== undefined) setEverythingDown(false);
    const { eviction, askAfterMs } = down ? askZone(node) : { eviction: "later" as const };
    const plan = planNode({ node, ...sound, eviction, nowMs: clock.now() });
    for (const action of plan.actions) {
      if (action.kind !== "mark-pods-not-ready")
        log.info({ controller: "node-lifecycle", node: key, because: plan.because }, "changing a node");
      await act(node, action, signal);
    }
    return { wakeAfterMs: askAfterMs ?? plan.wakeAfterMs };
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
    // How many are down concerns each of them.
    wakeOn(nodes, (node, event) =>
      event.type === "updated" && readiness(event.old) === readiness(event.object)
        ? [objectKey(node)]
        : [objectKey(node), ...nodes.list().map(objectKey)],
    ),
    wakeOn(leases, heartbeatOf),
    wakeOn(pods, () => []),
  ];
  return createLoop({ name: "node-lifecycle", watches, reconcile }, ports);
}

const readiness = (node: ReadonlyNode): string | undefined =>
  node.status?.conditions?.find((one) => one.type === "Ready")?.status;
const isUnready = (node: ReadonlyNode): boolean => (readiness(node) ?? "True") !== "True";
const sameTaints = (one: ReadonlyNode, other: ReadonlyNode): boolean =>
  JSON.stringify(one.spec?.taints) === JSON.stringify(other.spec?.taints);
