// Keeps the status of PodDisruptionBudgets up to date. The write is refused when the API server has spent some of the budget
// meanwhile; then it is looked at again, so that nothing is granted twice.
import type { Pod } from "@coxswain/api/core/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Lister, ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { selects } from "../../ownership/selector.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { budgetStatus } from "./plan.ts";

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

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const budget = budgets.get(key);
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return;
    const matching = pods
      .byIndex("namespace", budget.metadata.namespace ?? "")
      .filter((pod) => selects(budget.spec?.selector, pod.metadata.labels));
    const view = { budget, pods: matching, wantedByControllers: wantedBy(matching), nowMs: clock.now() };
    const { status, wakeAfterMs } = budgetStatus(view);
    if (!sameJson(status, budget.status))
      await budgetClient.update({ ...budget, status }, { subresource: "status", signal });
    return { wakeAfterMs };
  };

  /** The replicas of all controllers behind the pods, each counted once; undefined if one of them is not known to scale. */
  const wantedBy = (matching: readonly ReadonlyPod[]): number | undefined => {
    const wanted = new Map<string, number>();
    for (const pod of matching) {
      const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
      const scale = owner && scaleOf(pod.metadata.namespace ?? "", owner.kind, owner.name);
      if (scale === undefined) return undefined;
      wanted.set(scale.uid, scale.replicas);
    }
    return [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0);
  };

  const scaleOf = (
    namespace: string,
    kind: string,
    name: string,
  ): { readonly uid: string; readonly replicas: number } | undefined => {
    if (kind !== "ReplicaSet") return scale(scalables[kind]?.get(`${namespace}/${name}`));
    const set = replicaSets.get(`${namespace}/${name}`);
    const owner = set?.metadata.ownerReferences?.find(
      (reference) => reference.controller && reference.kind === "Deployment",
    );
    return scale(owner ? deployments.get(`${namespace}/${owner.name}`) : set);
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
    wakeOn(replicaSets, () => []),
    wakeOn(deployments, inNamespace),
    wakeOn(informers.replicationControllers(), inNamespace),
    wakeOn(informers.statefulSets(), inNamespace),
  ];
  return createLoop({ name: "disruption", watches, reconcile }, ports);
}

function scale(
  object: DeepReadonly<Scalable> | undefined,
): { readonly uid: string; readonly replicas: number } | undefined {
  return object === undefined ? undefined : { uid: object.metadata.uid ?? "", replicas: object.spec?.replicas ?? 1 };
}
