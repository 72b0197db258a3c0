// Rolls a Deployment out through its ReplicaSets. Reads the view, plans (plan.ts), performs one step, writes the status.
import { deployments as deploymentResource, replicaSets } from "@coxswain/api/apps/v1";
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isConflict, isNotFound } from "@coxswain/client";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { carryOutClaim, controllerReference } from "../../ownership/adopt.ts";
import { isAsCached } from "../../ownership/as-cached.ts";
import { planClaim } from "../../ownership/claim.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { selectsEverything } from "../../ownership/selector.ts";
import { isFinished } from "../../pods/state.ts";
import { revisionAnnotation, rollbackMarks } from "./annotations.ts";
import { planDeployment } from "./plan.ts";
import type { DeploymentAction } from "./plan.ts";
import { sizeOf } from "./shares.ts";
import { failedStatus } from "./status.ts";
import { hashLabel, newReplicaSet } from "./template.ts";
import { deploymentWatches } from "./watches.ts";

type ReadonlyDeployment = DeepReadonly<Deployment>;

export function createDeploymentController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const deployments = informers.deployments();
  const sets = informers.replicaSets();
  const pods = informers.pods();
  const setWrites = createOwnWrites(sets);
  const ownWrites = createOwnWrites(deployments);
  const setClient = client.resource(replicaSets);
  const creator = createCreator(setClient, setWrites);
  const deploymentClient = client.resource(deploymentResource);
  const events = ports.events("deployment-controller");

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const deployment = deployments.get(key);
    if (deployment === undefined || !setWrites.areSeen(key) || !ownWrites.areSeen(key)) return; // what is not seen yet will wake us
    if (selectsEverything(deployment.spec?.selector)) {
      events.record(
        deployment,
        "Warning",
        "SelectingAll",
        "This deployment is selecting all pods. A non-empty selector is required.",
      );
      return;
    }
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const owned = await claimSets(key, deployment, signal);
    const plan = planDeployment({
      deployment,
      sets: owned,
      oldPodsRunning: oldPodsRun(deployment, owned),
      nowMs: clock.now(),
    });
    const makes = plan.actions.some((action) => action.kind === "create-set");
    if (makes && !(await isAsCached(deployment, deploymentClient, signal))) return; // its change will wake us
    if (plan.actions.length > 0)
      log.info({ controller: "deployment", object: key, because: plan.because }, "changing replica sets");
    for (const action of plan.actions) await act(key, deployment, action, signal);
    // A step that changed the Deployment itself has made this copy old; the status follows with the next look.
    if (!plan.actions.some(({ kind }) => kind === "set-revision" || kind === "roll-back"))
      await writeStatus(key, deployment, plan.status, signal);
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const claimSets = (
    key: string,
    deployment: ReadonlyDeployment,
    signal: AbortSignal,
  ): Promise<readonly DeepReadonly<ReplicaSet>[]> => {
    const { uid, namespace } = deployment.metadata;
    const claim = planClaim<ReplicaSet>(
      deployment,
      deployment.spec?.selector,
      sets.byIndex("owner", uid ?? ""),
      sets.byIndex("orphans", namespace ?? ""),
    );
    const owner = { object: deployment, apiVersion: "apps/v1", kind: "Deployment" };
    return carryOutClaim<ReplicaSet>(
      owner,
      claim,
      { children: setClient, owners: deploymentClient, writes: setWrites, ownerKey: key },
      signal,
    );
  };

  const oldPodsRun = (deployment: ReadonlyDeployment, owned: readonly DeepReadonly<ReplicaSet>[]): boolean => {
    const newSet = newReplicaSet(deployment, owned);
    return owned
      .filter((set) => set !== newSet)
      .some((set) => pods.byIndex("owner", set.metadata.uid ?? "").some((pod) => !isFinished(pod)));
  };

  const act = async (
    key: string,
    deployment: ReadonlyDeployment,
    action: DeploymentAction,
    signal: AbortSignal,
  ): Promise<void> => {
    switch (action.kind) {
      case "create-set":
        return createSet(key, deployment, action, signal);
      case "update-set":
        return updateSet(key, deployment, action, signal);
      case "delete-set": {
        const { namespace, name, uid } = action.set.metadata;
        try {
          await setClient.delete(
            { namespace, name },
            { preconditions: { uid: uid ?? "" }, propagationPolicy: "Background", signal },
          );
        } catch (error) {
          if (!isNotFound(error) && !isConflict(error)) throw error; // it is gone, or another one by now
        }
        setWrites.deleted(key, action.set);
        return;
      }
      case "set-revision": {
        const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: action.revision };
        const updated = await deploymentClient.update(
          { ...deployment, metadata: { ...deployment.metadata, annotations } },
          { signal },
        );
        ownWrites.wrote(key, updated as ReadonlyDeployment);
        return;
      }
      case "roll-back":
        return rollBack(key, deployment, action, signal);
    }
  };

  const rollBack = async (
    key: string,
    deployment: ReadonlyDeployment,
    { from, to }: Extract<DeploymentAction, { kind: "roll-back" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    if (deployment.spec === undefined || to.spec?.template === undefined) return;
    const { [hashLabel]: _, ...labels } = to.spec.template.metadata?.labels ?? {};
    const template = { ...to.spec.template, metadata: { ...to.spec.template.metadata, labels } };
    const annotations = {
      ...deployment.metadata.annotations,
      [rollbackMarks.from]: from.metadata.name,
      [rollbackMarks.to]: to.metadata.name,
    };
    const metadata = { ...deployment.metadata, annotations };
    const next = { ...deployment, metadata, spec: { ...deployment.spec, template } };
    const updated = await deploymentClient.update(next, { signal });
    ownWrites.wrote(key, updated as ReadonlyDeployment);
    const why = `ReplicaSet "${from.metadata.name}" has timed out progressing`;
    events.record(
      deployment,
      "Warning",
      "DeploymentRollback",
      `Rolled back to revision ${to.metadata.annotations?.[revisionAnnotation]} (ReplicaSet "${to.metadata.name}"): ${why}`,
    );
  };

  const createSet = async (
    key: string,
    deployment: ReadonlyDeployment,
    action: Extract<DeploymentAction, { kind: "create-set" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const set = newSetObject(deployment, action);
    try {
      await creator.create(key, set, signal);
      if (action.replicas > 0) scaled(deployment, action.name, 0, action.replicas);
    } catch (error) {
      if (!isAlreadyExists(error)) {
        const message = `Failed to create new replica set "${action.name}": ${messageOf(error)}`;
        if (!signal.aborted) {
          events.record(deployment, "Warning", "ReplicaSetCreateError", message);
          await writeStatus(key, deployment, failedStatus(deployment, message, clock.now()), signal);
        }
        throw error;
      }
      await settleCollision(key, deployment, action.name, signal);
    }
  };

  /** The name is taken: by our own set that the cache does not show yet, or by a different template of the same hash. */
  const settleCollision = async (
    key: string,
    deployment: ReadonlyDeployment,
    name: string,
    signal: AbortSignal,
  ): Promise<void> => {
    const found = await setClient.get({ namespace: deployment.metadata.namespace, name }, { signal });
    const ours = found.metadata.ownerReferences?.some(
      (reference) => reference.controller && reference.uid === deployment.metadata.uid,
    );
    if (ours && newReplicaSet(deployment, [found as DeepReadonly<ReplicaSet>])) {
      setWrites.wrote(key, found as DeepReadonly<ReplicaSet>);
      return;
    }
    const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
    const updated = await deploymentClient.update({ ...deployment, status }, { subresource: "status", signal });
    ownWrites.wrote(key, updated as ReadonlyDeployment);
  };

  const updateSet = async (
    key: string,
    deployment: ReadonlyDeployment,
    action: Extract<DeploymentAction, { kind: "update-set" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const { set, replicas, annotations } = action;
    const next = {
      ...set,
      metadata: { ...set.metadata, annotations },
      ...(set.spec ? { spec: { ...set.spec, replicas } } : {}),
    };
    const updated = await setClient.update(next, { signal });
    setWrites.wrote(key, updated as DeepReadonly<ReplicaSet>);
    if (replicas !== sizeOf(set)) scaled(deployment, set.metadata.name, sizeOf(set), replicas);
  };

  const scaled = (deployment: ReadonlyDeployment, name: string, from: number, to: number): void =>
    events.record(
      deployment,
      "Normal",
      "ScalingReplicaSet",
      `Scaled ${to > from ? "up" : "down"} replica set ${name} from ${from} to ${to}`,
    );

  const writeStatus = async (
    key: string,
    deployment: ReadonlyDeployment,
    status: DeepReadonly<Deployment["status"]>,
    signal: AbortSignal,
  ): Promise<void> => {
    if (sameJson(deployment.status, status)) return;
    const updated = await deploymentClient.update({ ...deployment, status }, { subresource: "status", signal });
    ownWrites.wrote(key, updated as ReadonlyDeployment);
  };

  return createLoop({ name: "deployment", watches: deploymentWatches(deployments, sets, pods), reconcile }, ports);
}

function newSetObject(
  deployment: ReadonlyDeployment,
  action: Extract<DeploymentAction, { kind: "create-set" }>,
): DeepReadonly<ReplicaSet> {
  const { spec } = deployment;
  const labels = { ...spec?.template.metadata?.labels, [hashLabel]: action.hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: action.name,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: action.annotations,
      ownerReferences: [controllerReference({ object: deployment, apiVersion: "apps/v1", kind: "Deployment" })],
    },
    spec: {
      replicas: action.replicas,
      minReadySeconds: spec?.minReadySeconds ?? 0,
      selector: { ...spec?.selector, matchLabels: { ...spec?.selector.matchLabels, [hashLabel]: action.hash } },
      template: { ...spec?.template, metadata: { ...spec?.template.metadata, labels } },
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
