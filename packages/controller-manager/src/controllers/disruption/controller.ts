// Keeps the status of PodDisruptionBudgets up to date. The write is refused when the API server has spent some of the budget
// meanwhile; then it is looked at again, so that nothing is granted twice.
import type { Scale } from "@coxswain/api/autoscaling/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import type { PodDisruptionBudget } from "@coxswain/api/policy/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly, OwnerReference } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import type { Lister, ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { selects } from "../../ownership/selector.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { createKinds } from "../horizontal-pod-autoscaler/target.ts";
import { asksControllers, budgetStatus } from "./plan.ts";
import type { Wanted } from "./plan.ts";
import { createStaleTargets } from "./stale-targets.ts";

type Scalable = ApiObject & { readonly spec?: { readonly replicas?: number | undefined } | undefined };

export function createDisruptionController(ports: ControllerPorts): Controller {
  const { client, informers, clock } = ports;
  const budgets = informers.podDisruptionBudgets();
  const pods = informers.pods();
  const budgetClient = client.resource(podDisruptionBudgets);
  const replicaSets = informers.replicaSets();
  const deployments = informers.deployments();
  const scalables: Readonly<Record<string, Lister<Scalable>>> = {
    ReplicationController: informers.replicationControllers() as Lister<Scalable>,
    StatefulSet: informers.statefulSets() as Lister<Scalable>,
  };
  const followed: ReadonlySet<string> = new Set(["ReplicaSet", ...Object.keys(scalables)]);
  const kinds = createKinds(client, clock);
  const events = ports.events("controllermanager");

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const budget = budgets.get(key);
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return;
    const matching = pods
      .byIndex("namespace", budget.metadata.namespace ?? "")
      .filter((pod) => selects(budget.spec?.selector, pod.metadata.labels));
    const asks = asksControllers(budget);
    const wantedByControllers = asks ? await wantedBy(matching, signal) : 0;
    tell(budget, matching, asks, wantedByControllers);
    const { status, wakeAfterMs } = budgetStatus({ budget, pods: matching, wantedByControllers, nowMs: clock.now() });
    if (!sameJson(status, budget.status))
      await budgetClient.update({ ...budget, status }, { subresource: "status", signal });
    return { wakeAfterMs };
  };

  const tell = (
    budget: DeepReadonly<PodDisruptionBudget>,
    matching: readonly ReadonlyPod[],
    asks: boolean,
    wanted: Wanted,
  ): void => {
    if (matching.length === 0) events.record(budget, "Normal", "NoPods", "No matching pods found");
    if (typeof wanted !== "number")
      events.record(
        budget,
        "Warning",
        "CalculateExpectedPodCountFailed",
        `Failed to calculate the number of expected pods: ${wanted.problem}`,
      );
    else if (asks && matching.some((pod) => controllerOf(pod) === undefined))
      events.record(
        budget,
        "Warning",
        "UnmanagedPods",
        `Pods selected by this PodDisruptionBudget (selector: ${JSON.stringify(budget.spec?.selector)}) were found to be unmanaged. ` +
          "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. " +
          'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.',
      );
  };

  /** The replicas of all controllers behind the pods, each counted once. */
  const wantedBy = async (matching: readonly ReadonlyPod[], signal: AbortSignal): Promise<Wanted> => {
    const wanted = new Map<string, number>();
    for (const pod of matching) {
      const owner = controllerOf(pod);
      if (owner === undefined || wanted.has(owner.uid)) continue;
      const found = scaleOf(pod.metadata.namespace ?? "", owner) ?? (await askedScale(pod, owner, signal));
      if (typeof found === "string") return { problem: found };
      wanted.set(found.uid, found.replicas);
    }
    return [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0);
  };

  /** The scale of a controller of any other kind, as the API shows it; or why there is none. */
  const askedScale = async (
    pod: ReadonlyPod,
    { apiVersion, kind, name, uid }: DeepReadonly<OwnerReference>,
    signal: AbortSignal,
  ): Promise<Size | string> => {
    const { namespace } = pod.metadata;
    const none = `found no controllers for pod ${JSON.stringify(pod.metadata.name)}`;
    if (followed.has(kind)) return none; // it is gone, or not seen yet: its change wakes us
    try {
      const descriptor = await kinds.descriptorOf({ apiVersion, kind }, signal);
      const target = client.resource(descriptor);
      try {
        const scale = await target.getSubresource<Scale>({ namespace, name }, "scale", { signal });
        return scale.metadata.uid === uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : none;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const group = descriptor.group === "" ? "" : `.${descriptor.group}`;
        return `${descriptor.resource}${group} does not implement the scale subresource`;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      return error instanceof Error ? error.message : String(error);
    }
  };

  const scaleOf = (namespace: string, { kind, name, uid }: DeepReadonly<OwnerReference>): Size | undefined => {
    if (kind !== "ReplicaSet") return sizeOf(scalables[kind]?.get(`${namespace}/${name}`), uid);
    const set = replicaSets.get(`${namespace}/${name}`);
    const owner = set && controllerOf(set);
    return owner?.kind === "Deployment"
      ? sizeOf(deployments.get(`${namespace}/${owner.name}`), owner.uid)
      : sizeOf(set, uid);
  };

  const budgetsOf = (pod: DeepReadonly<Pod>): readonly string[] =>
    budgets
      .byIndex("namespace", pod.metadata.namespace ?? "")
      .filter((budget) => selects(budget.spec?.selector, pod.metadata.labels))
      .map(objectKey);
  /** Scaling changes what a budget means; pods follow, but not at once. */
  const inNamespace = (object: DeepReadonly<ApiObject>): readonly string[] =>
    budgets.byIndex("namespace", object.metadata.namespace ?? "").map(objectKey);

  const watches = [
    wakeOn(budgets, (budget) => [objectKey(budget)]),
    wakeOn(pods, budgetsOf),
    wakeOn(replicaSets, (set, event) =>
      event.type === "updated" && event.old.spec?.replicas === event.object.spec?.replicas ? [] : inNamespace(set),
    ),
    wakeOn(deployments, inNamespace),
    wakeOn(informers.replicationControllers(), inNamespace),
    wakeOn(informers.statefulSets(), inNamespace),
  ];
  const loops = [createLoop({ name: "disruption", watches, reconcile }, ports), createStaleTargets(ports)];
  return { run: async (signal) => void (await Promise.all(loops.map((loop) => loop.run(signal)))) };
}

interface Size {
  readonly uid: string;
  readonly replicas: number;
}

const sizeOf = (object: DeepReadonly<Scalable> | undefined, uid: string): Size | undefined =>
  object?.metadata.uid === uid ? { uid, replicas: object.spec?.replicas ?? 1 } : undefined;

const controllerOf = ({ metadata }: DeepReadonly<ApiObject>): DeepReadonly<OwnerReference> | undefined =>
  metadata.ownerReferences?.find((reference) => reference.controller);
