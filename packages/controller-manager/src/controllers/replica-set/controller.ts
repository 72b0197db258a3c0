// Keeps as many pods as a ReplicaSet asks for. Also serves ReplicationControllers (../replication-controller), which differ in
// kind and selector only. It never creates twice: it does not act before its cache shows all it has written (own-writes of the
// kit), names are chosen here, and a lost answer is settled by sending the same name again.
import { replicaSets } from "@coxswain/api/apps/v1";
import { pods as podResource } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { DeepReadonly, ResourceDescriptor } from "@coxswain/apimachinery";
import { createOwnWrites } from "@coxswain/controller";
import type { Informer, ReconcileResult } from "@coxswain/controller";
import { createLoop, createWaker } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { carryOutClaim, controllerReference } from "../../ownership/adopt.ts";
import { isAsCached } from "../../ownership/as-cached.ts";
import { inGrowingBatches, podMakers } from "../../ownership/batches.ts";
import { planClaim } from "../../ownership/claim.ts";
import type { Claim } from "../../ownership/claim.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { podFromTemplate } from "../../pods/from-template.ts";
import { createPod as makePod, messageOf, removePod } from "../../pods/lifecycle.ts";
import { isActive } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { sameJson } from "../../loop/same-json.ts";
import { createPauses } from "./pauses.ts";
import { planReplicaSet, replicaSetStatus, templateOf } from "./plan.ts";
import type { PodAction, ReplicaSetView, Replicator } from "./plan.ts";
import { selectorOf } from "./selector.ts";
import { replicaSetWatches } from "./watches.ts";

/** So many pods are made or removed so soon that nobody asks for the count before. */
const fewPods = 16;

export function createReplicaSetController(ports: ControllerPorts): Controller {
  return createReplicatorController(
    { name: "replicaset", descriptor: replicaSets, sets: ports.informers.replicaSets() },
    ports,
  );
}

export function createReplicatorController<T extends Replicator>(
  kind: { readonly name: string; readonly descriptor: ResourceDescriptor<T>; readonly sets: Informer<T> },
  ports: ControllerPorts,
): Controller {
  const { client, informers, clock, random, log } = ports;
  const pods = informers.pods();
  const writes = createOwnWrites<Pod>(pods);
  const podClient = client.resource(podResource);
  const setClient = client.resource(kind.descriptor);
  const creator = createCreator<Pod>(podClient, writes);
  const events = ports.events(`${kind.name}-controller`);
  const podPorts = { pods: podClient, writes, creator, events };
  /** Sets that pause, and what was said of it: each pause is told of once. */
  const told = new Map<string, string>();
  /** Sets whose pods are being made or removed. */
  const acting = new Set<string>();
  const acted = createWaker();
  // 5,000 pods are looked at five times a second and counted twice.
  const [planned, counted] = [createPauses(25, clock), createPauses(10, clock)];

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const set: DeepReadonly<Replicator> | undefined = kind.sets.get(key) as DeepReadonly<Replicator> | undefined;
    if (set === undefined) told.delete(key);
    if (set === undefined || !writes.areSeen(key)) return; // what is not seen yet will wake us
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const owner = { object: set, apiVersion: set.apiVersion, kind: set.kind };
    const restMs = planned.rest(key);
    if (restMs > 0) return { wakeAfterMs: restMs };
    const owned = await carryOutClaim<Pod>(
      owner,
      claimOf(set),
      { children: podClient, owners: setClient, writes, ownerKey: key },
      signal,
    );
    const view = viewOf(set, owned);
    const plan = planReplicaSet(view);
    if (plan.pause !== undefined && plan.pause.because !== told.get(key))
      events.record(set, "Warning", "BackOff", plan.pause.because);
    if (plan.pause !== undefined) told.set(key, plan.pause.because);
    else told.delete(key);
    const wakeAfterMs = plan.pause?.leftMs;
    if (plan.actions.length === 0) {
      planned.looked(key, owned.length); // who has something to do does not rest: what fails waits ever longer by itself
      return { wakeAfterMs }; // counting is the other loop's business
    }
    const makes = plan.actions.some((action) => action.kind === "create");
    if (makes && !(await isAsCached(set, setClient, signal))) return; // its change will wake us
    acting.add(key);
    try {
      const failure = await act(key, set, plan.actions, plan.because, signal);
      const { status } = replicaSetStatus(
        view,
        failure && { reason: failure.reason, message: messageOf(failure.error) },
      );
      // What was done now is seen in a moment and wakes us: counts from before it need not be written first.
      if (failure || sizeOf(plan.actions) > fewPods) await writeStatus(set, status, signal);
      if (failure) throw failure.error;
    } finally {
      acting.delete(key);
      acted.wake(key);
    }
    return { wakeAfterMs };
  };

  /** Who has nothing to do is counted beside the loop above: a write that waits for the server must not hold up a pod that is missing. */
  const count = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const set: DeepReadonly<Replicator> | undefined = kind.sets.get(key) as DeepReadonly<Replicator> | undefined;
    if (set === undefined || acting.has(key) || !writes.areSeen(key)) return; // what is done, or not seen yet, will wake us
    const restMs = counted.rest(key);
    if (restMs > 0) return { wakeAfterMs: restMs };
    const view = viewOf(set, claimOf(set).owned);
    counted.looked(key, view.pods.length);
    if (planReplicaSet(view).actions.length > 0) return; // what will be done wakes us
    const { status, wakeAfterMs } = replicaSetStatus(view, undefined);
    await writeStatus(set, status, signal);
    return { wakeAfterMs };
  };

  const claimOf = (set: DeepReadonly<Replicator>): Claim<Pod> =>
    planClaim<Pod>(
      set,
      selectorOf(set),
      pods.byIndex("owner", set.metadata.uid ?? ""),
      pods.byIndex("orphans", set.metadata.namespace ?? ""),
    );

  const viewOf = (set: DeepReadonly<Replicator>, owned: readonly ReadonlyPod[]): ReplicaSetView => ({
    replicator: set,
    pods: owned,
    get podsOnNode() {
      return podsOnNode(set); // asked only when pods are given up
    },
    nowMs: clock.now(),
  });

  const act = async (
    key: string,
    set: DeepReadonly<Replicator>,
    actions: readonly PodAction[],
    because: string,
    signal: AbortSignal,
  ): Promise<{ readonly reason: "FailedCreate" | "FailedDelete"; readonly error: unknown } | undefined> => {
    if (actions.length > 0)
      log.info({ controller: kind.name, object: key, because, actions: actions.length }, "changing pods");
    const creations = actions.reduce((sum, action) => sum + (action.kind === "create" ? action.count : 0), 0);
    const created = await inGrowingBatches(Array.from({ length: creations }), () => createPod(key, set, signal));
    if (created.error !== undefined) return { reason: "FailedCreate", error: created.error };
    const doomed = actions.flatMap((action) => (action.kind === "delete" ? [action.pod] : []));
    const deleted = await inGrowingBatches(doomed, (pod) => deletePod(key, set, pod, signal));
    return deleted.error === undefined ? undefined : { reason: "FailedDelete", error: deleted.error };
  };

  const createPod = async (key: string, set: DeepReadonly<Replicator>, signal: AbortSignal): Promise<void> => {
    const template = templateOf(set);
    if (template === undefined) return;
    const reference = controllerReference({ object: set, apiVersion: set.apiVersion, kind: set.kind });
    const owner = { name: set.metadata.name, namespace: set.metadata.namespace ?? "", reference };
    await makePod(podPorts, key, set, podFromTemplate(template, owner, random.suffix(5)), signal);
  };

  const deletePod = async (
    key: string,
    set: DeepReadonly<Replicator>,
    pod: ReadonlyPod,
    signal: AbortSignal,
  ): Promise<void> => {
    const { name } = pod.metadata;
    try {
      await removePod(podPorts, key, pod, signal);
      events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
    } catch (error) {
      events.record(set, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw error;
    }
  };

  const writeStatus = async (set: DeepReadonly<Replicator>, status: unknown, signal: AbortSignal): Promise<void> => {
    if (sameJson(set.status, status)) return;
    await setClient.update({ ...set, status } as DeepReadonly<T>, { subresource: "status", signal });
  };

  /** Counts the active pods of all sets of the same Deployment by node. */
  const podsOnNode = (set: DeepReadonly<Replicator>): ReadonlyMap<string, number> => {
    const grandOwner = set.metadata.ownerReferences?.find((reference) => reference.controller)?.uid;
    const family = grandOwner === undefined ? [] : kind.sets.byIndex("owner", grandOwner);
    const counts = new Map<string, number>();
    for (const relative of family) {
      for (const pod of pods.byIndex("owner", relative.metadata.uid ?? "")) {
        const node = pod.spec?.nodeName;
        if (node !== undefined && isActive(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
      }
    }
    return counts;
  };

  const watches = replicaSetWatches(kind.descriptor.kind, kind.sets, pods);
  const loops = [
    createLoop({ name: kind.name, watches, reconcile, concurrency: podMakers }, ports),
    createLoop(
      { name: `${kind.name}_status`, watches: [...watches, acted], reconcile: count, concurrency: podMakers },
      ports,
    ),
  ];
  return { run: async (signal) => void (await Promise.all(loops.map((loop) => loop.run(signal)))) };
}

const sizeOf = (actions: readonly PodAction[]): number =>
  actions.reduce((sum, action) => sum + (action.kind === "create" ? action.count : 1), 0);
