// One pod of a DaemonSet on every node that should have one. The pod is made for its node (affinity by name); the scheduler binds it.
import { daemonSets as daemonSetResource } from "@coxswain/api/apps/v1";
import type { DaemonSet } from "@coxswain/api/apps/v1";
import { pods as podResource } from "@coxswain/api/core/v1";
import type { Pod, PodSpec } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { carryOutClaim, controllerReference } from "../../ownership/adopt.ts";
import { isAsCached } from "../../ownership/as-cached.ts";
import { inGrowingBatches } from "../../ownership/batches.ts";
import { planClaim } from "../../ownership/claim.ts";
import { controlledBy, isControlled } from "../../ownership/controlled-by.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { selects } from "../../ownership/selector.ts";
import { podFromTemplate } from "../../pods/from-template.ts";
import { createPod, removePod } from "../../pods/lifecycle.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { hashOf, revisionLabel } from "../../revisions/revisions.ts";
import { createRevisionStore } from "../../revisions/store.ts";
import { daemonSetStatus, daemonTolerations, hostNetworkToleration, planDaemonSet } from "./plan.ts";
import type { DaemonAction } from "./plan.ts";

type ReadonlyDaemonSet = DeepReadonly<DaemonSet>;

/** A pod that fails at once is made again after a second, two, four … up to this. */
const longestFailureWaitMs = 900_000;

export function createDaemonSetController(ports: ControllerPorts): Controller {
  const { client, informers, clock, random, log } = ports;
  const sets = informers.daemonSets();
  const pods = informers.pods();
  const nodes = informers.nodes();
  const writes = createOwnWrites<Pod>(pods);
  const podClient = client.resource(podResource);
  const setClient = client.resource(daemonSetResource);
  const creator = createCreator<Pod>(podClient, writes);
  const revisions = createRevisionStore(ports);
  const revisionInformer = informers.controllerRevisions();
  const events = ports.events("daemonset-controller");
  const podPorts = { pods: podClient, writes, creator, events };
  /** Failures in a row by set and node, so that a failing pod does not spin. */
  const failures = new Map<string, { count: number; until: number }>();

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const set = sets.get(key);
    if (set === undefined || set.spec === undefined || !writes.areSeen(key)) return; // what is not seen yet will wake us
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const owner = { object: set, apiVersion: "apps/v1", kind: "DaemonSet" };
    const claim = planClaim<Pod>(
      set,
      set.spec.selector,
      pods.byIndex("owner", set.metadata.uid ?? ""),
      pods.byIndex("orphans", set.metadata.namespace ?? ""),
    );
    const owned = await carryOutClaim<Pod>(
      owner,
      claim,
      { children: podClient, owners: setClient, writes, ownerKey: key },
      signal,
    );
    const history = await revisions.current(key, owner, set.spec.template, set.status?.collisionCount ?? 0, signal);
    if (history === undefined) return;
    const view = {
      daemonSet: set,
      nodes: nodes.list(),
      pods: owned,
      revisionHash: hashOf(history.current),
      nowMs: clock.now(),
    };
    const plan = planDaemonSet(view);
    const makes = plan.actions.some((action) => action.kind === "create");
    if (makes && !(await isAsCached(set, setClient, signal))) return; // its change will wake us
    if (plan.actions.length > 0)
      log.info(
        { controller: "daemonset", object: key, because: plan.because, actions: plan.actions.length },
        "changing pods",
      );
    let wait: number | undefined;
    const due: DaemonAction[] = [];
    for (const action of plan.actions) {
      const held = action.kind === "delete" && action.because === "it failed" ? failureWaitMs(key, action.pod) : 0;
      if (held > 0) wait = Math.min(wait ?? held, held);
      else due.push(action);
    }
    const result = await inGrowingBatches(due, (action) => act(key, set, view.revisionHash, action, signal));
    const inUse = new Set([view.revisionHash, ...owned.map((pod) => pod.metadata.labels?.[revisionLabel] ?? "")]);
    await revisions.removeSurplus(key, history.all, inUse, set.spec.revisionHistoryLimit ?? 10, signal);
    const { status, wakeAfterMs } = daemonSetStatus(view);
    if (!sameJson(status, set.status)) await setClient.update({ ...set, status }, { subresource: "status", signal });
    if (result.error !== undefined) throw result.error;
    const wakes = [wait, wakeAfterMs].filter((one) => one !== undefined);
    return { wakeAfterMs: wakes.length > 0 ? Math.min(...wakes) : undefined };
  };

  /** How long a failed pod stays before it is replaced. */
  const failureWaitMs = (key: string, pod: ReadonlyPod): number => {
    const id = `${key} ${pod.metadata.uid}`;
    const place = `${key} ${pod.spec?.nodeName ?? ""}`;
    const now = clock.monotonic();
    const known = failures.get(id);
    if (known !== undefined) return Math.max(0, known.until - now);
    const count = (failures.get(place)?.count ?? 0) + 1;
    const until = now + Math.min(1_000 * 2 ** (count - 1), longestFailureWaitMs);
    failures.set(place, { count, until });
    failures.set(id, { count, until });
    if (failures.size > 10_000) failures.delete(failures.keys().next().value ?? "");
    return until - now;
  };

  const act = async (
    key: string,
    set: ReadonlyDaemonSet,
    hash: string,
    action: DaemonAction,
    signal: AbortSignal,
  ): Promise<void> => {
    if (action.kind === "create") {
      await createPod(podPorts, key, set, daemonPod(set, action.node, hash, random.suffix(5)), signal);
      return;
    }
    const { namespace, name } = action.pod.metadata;
    const where = `daemon pod ${namespace}/${name} on node ${action.pod.spec?.nodeName ?? ""}`;
    if (action.because === "it failed")
      events.record(set, "Warning", "FailedDaemonPod", `Found failed ${where}, will try to kill it`);
    if (action.because === "it succeeded")
      events.record(set, "Normal", "SucceededDaemonPod", `Found succeeded ${where}, will try to delete it`);
    await removePod(podPorts, key, action.pod, signal);
    events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  };

  const setsOf = (pod: DeepReadonly<Pod>): readonly string[] => {
    if (isControlled(pod)) return controlledBy("DaemonSet", pod);
    return sets
      .byIndex("namespace", pod.metadata.namespace ?? "")
      .filter((set) => selects(set.spec?.selector, pod.metadata.labels))
      .map(objectKey);
  };
  const watches = [
    wakeOn(sets, (set) => [objectKey(set)]),
    wakeOn(pods, setsOf),
    wakeOn(revisionInformer, (revision) => controlledBy("DaemonSet", revision)),
    wakeOn(nodes, (node, event) => {
      const said = (one: typeof node): unknown => ({
        labels: one.metadata.labels,
        taints: one.spec?.taints,
        unschedulable: one.spec?.unschedulable,
      });
      const same = event.type === "updated" && sameJson(said(event.old), said(event.object));
      return same ? [] : sets.list().map(objectKey);
    }),
  ];
  return createLoop({ name: "daemonset", watches, reconcile }, ports);
}

function daemonPod(set: ReadonlyDaemonSet, node: string, hash: string, suffix: string): DeepReadonly<Pod> {
  const reference = controllerReference({ object: set, apiVersion: "apps/v1", kind: "DaemonSet" });
  const owner = { name: set.metadata.name, namespace: set.metadata.namespace ?? "", reference };
  const pod = podFromTemplate(set.spec?.template ?? {}, owner, suffix);
  // Beside the revision, the template's number that the API server counts.
  const generation = set.metadata.annotations?.["deprecated.daemonset.template.generation"] ?? "";
  const counted = /^\d+$/.test(generation) ? { "pod-template-generation": generation } : {};
  const labels = { ...pod.metadata.labels, ...counted, [revisionLabel]: hash };
  return pod.spec ? { ...pod, metadata: { ...pod.metadata, labels }, spec: specFor(pod.spec, node) } : pod;
}

/** Adds the node's name to the affinity (replacing other names in every term) and the tolerations of a daemon. */
function specFor(spec: DeepReadonly<PodSpec>, node: string): DeepReadonly<PodSpec> {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const matchFields = [{ key: "metadata.name", operator: "In" as const, values: [node] }];
  const terms = required ? required.nodeSelectorTerms.map((term) => ({ ...term, matchFields })) : [{ matchFields }];
  const tolerations = [
    ...(spec.tolerations ?? []),
    ...daemonTolerations,
    ...(spec.hostNetwork ? [hostNetworkToleration] : []),
  ];
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    },
    tolerations: tolerations.filter((one, index) => tolerations.findIndex((other) => sameJson(one, other)) === index),
  };
}
