// Carries out the plan of a StatefulSet: claims before pods, one step at a time, status after.
import { statefulSets as setResource } from "@coxswain/api/apps/v1";
import { persistentVolumeClaims, pods as podResource } from "@coxswain/api/core/v1";
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists } from "@coxswain/client";
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
import { messageOf, removePod } from "../../pods/lifecycle.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { revisionLabel } from "../../revisions/revisions.ts";
import type { ReadonlyRevision } from "../../revisions/revisions.ts";
import { createRevisionStore } from "../../revisions/store.ts";
import { ordinalOf, planStatefulSet, podName, statefulSetStatus } from "./plan.ts";
import type { ReadonlyStatefulSet, StatefulAction } from "./plan.ts";
import { claimName, statefulClaims, statefulPod } from "./pod.ts";

export function createStatefulSetController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const sets = informers.statefulSets();
  const pods = informers.pods();
  const claims = informers.persistentVolumeClaims();
  const writes = createOwnWrites(pods);
  const claimWrites = createOwnWrites(claims);
  const podClient = client.resource(podResource);
  const setClient = client.resource(setResource);
  const claimClient = client.resource(persistentVolumeClaims);
  const creator = createCreator(podClient, writes);
  const revisions = createRevisionStore(ports);
  const revisionInformer = informers.controllerRevisions();
  const events = ports.events("statefulset-controller");

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const set = sets.get(key);
    if (set?.spec === undefined || !writes.areSeen(key) || !claimWrites.areSeen(key)) return; // what is not seen yet will wake us
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const owner = { object: set, apiVersion: "apps/v1", kind: "StatefulSet" };
    const orphans = pods
      .byIndex("orphans", set.metadata.namespace ?? "")
      .filter((pod) => ordinalOf(set, pod) !== undefined);
    const claim = planClaim<Pod>(set, set.spec.selector, pods.byIndex("owner", set.metadata.uid ?? ""), orphans);
    const owned = await carryOutClaim<Pod>(
      owner,
      claim,
      { children: podClient, owners: setClient, writes, ownerKey: key },
      signal,
    );
    const history = await revisions.current(key, owner, set.spec.template, set.status?.collisionCount ?? 0, signal);
    if (history === undefined) return;
    const updateRevision = history.current.metadata.name;
    const known = history.all.find((revision) => revision.metadata.name === set.status?.currentRevision);
    const view = {
      set,
      pods: owned,
      currentRevision: known?.metadata.name ?? updateRevision,
      updateRevision,
      nowMs: clock.now(),
    };
    const plan = planStatefulSet(view);
    const makes = plan.actions.some((action) => action.kind === "create");
    if (makes && !(await isAsCached(set, setClient, signal))) return; // its change will wake us
    if (plan.actions.length > 0)
      log.info({ controller: "statefulset", object: key, because: plan.because }, "changing pods");
    await keepClaims(key, set, owned, signal);
    const result = await inGrowingBatches(plan.actions, (action) => act(key, set, history.all, action, signal));
    const inUse = new Set([
      view.currentRevision,
      updateRevision,
      ...owned.map((pod) => pod.metadata.labels?.[revisionLabel] ?? ""),
    ]);
    await revisions.removeSurplus(key, history.all, inUse, set.spec.revisionHistoryLimit ?? 10, signal);
    const { status, wakeAfterMs } = statefulSetStatus(view);
    if (!sameJson(status, set.status)) await setClient.update({ ...set, status }, { subresource: "status", signal });
    if (result.error !== undefined) throw result.error;
    return { wakeAfterMs };
  };

  const act = async (
    key: string,
    set: ReadonlyStatefulSet,
    history: readonly ReadonlyRevision[],
    action: StatefulAction,
    signal: AbortSignal,
  ): Promise<void> => {
    if (action.kind === "delete") return remove(key, set, action.pod, action.scaledDown, signal);
    const reference = controllerReference({ object: set, apiVersion: "apps/v1", kind: "StatefulSet" });
    const revision = history.find((one) => one.metadata.name === action.revision);
    const template = templateIn(revision) ?? set.spec?.template ?? {};
    const pod = statefulPod(set, template, action.ordinal, action.revision, reference);
    const where = `Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      if (!(await createClaims(key, set, action.ordinal, signal))) return; // a claim is on its way out; its end wakes us
      await creator.create(key, pod, signal);
      events.record(set, "Normal", "SuccessfulCreate", `create ${where} successful`);
    } catch (error) {
      if (isAlreadyExists(error)) return; // a pod of that name is on its way out, or somebody else's; its change wakes us
      if (!signal.aborted) {
        events.record(set, "Warning", "FailedCreate", `create ${where} failed error: ${messageOf(error)}`);
      }
      throw error;
    }
  };

  /** False while a claim of that ordinal still has to go, with the pod that it was given to: the new pod gets a new one. */
  const createClaims = async (
    key: string,
    set: ReadonlyStatefulSet,
    ordinal: number,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const reference = controllerReference({ object: set, apiVersion: "apps/v1", kind: "StatefulSet" });
    const wanted = statefulClaims(set, ordinal, reference);
    const pod = podName(set, ordinal);
    const known = wanted.map((claim) => claims.get(objectKey(claim)));
    if (known.some((claim) => claim !== undefined && isCondemned(claim))) return false;
    for (const claim of wanted.filter((_, index) => known[index] === undefined)) {
      try {
        claimWrites.wrote(key, (await claimClient.create(claim, { signal })) as ReadonlyClaim);
        const where = `Claim ${claim.metadata.name} Pod ${pod} in StatefulSet ${set.metadata.name}`;
        events.record(set, "Normal", "SuccessfulCreate", `create ${where} success`);
      } catch (error) {
        if (isAlreadyExists(error)) continue;
        const where = `Claim ${claim.metadata.name} for Pod ${pod} in StatefulSet ${set.metadata.name}`;
        if (!signal.aborted)
          events.record(set, "Warning", "FailedCreate", `create ${where} failed error: ${messageOf(error)}`);
        throw error;
      }
    }
    return true;
  };

  /** Takes back what was given to pods that were to be scaled away, and are wanted again. */
  const keepClaims = async (
    key: string,
    set: ReadonlyStatefulSet,
    owned: readonly ReadonlyPod[],
    signal: AbortSignal,
  ): Promise<void> => {
    const start = set.spec?.ordinals?.start ?? 0;
    for (const pod of owned) {
      const ordinal = ordinalOf(set, pod) ?? -1;
      const isWanted = ordinal >= start && ordinal < start + (set.spec?.replicas ?? 1);
      if (!isWanted || pod.metadata.deletionTimestamp !== undefined) continue;
      for (const template of set.spec?.volumeClaimTemplates ?? []) {
        const claim = claims.get(`${set.metadata.namespace}/${claimName(set, template.metadata.name, ordinal)}`);
        const references = claim?.metadata.ownerReferences ?? [];
        if (claim === undefined || !references.some(({ uid }) => uid === pod.metadata.uid)) continue;
        const reference = controllerReference({ object: set, apiVersion: "apps/v1", kind: "StatefulSet" });
        const wanted = statefulClaims(set, ordinal, reference).find(
          ({ metadata }) => metadata.name === claim.metadata.name,
        );
        const ownerReferences = [
          ...references.filter(({ uid }) => uid !== pod.metadata.uid && uid !== set.metadata.uid),
          ...(wanted?.metadata.ownerReferences ?? []),
        ];
        const metadata = { ...claim.metadata, ownerReferences };
        claimWrites.wrote(key, (await claimClient.update({ ...claim, metadata }, { signal })) as ReadonlyClaim);
      }
    }
  };

  const remove = async (
    key: string,
    set: ReadonlyStatefulSet,
    pod: ReadonlyPod,
    scaledDown: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    const { name } = pod.metadata;
    if (scaledDown && set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled === "Delete")
      await giveClaimsTo(key, set, pod, signal);
    await removePod({ pods: podClient, writes }, key, pod, signal);
    events.record(
      set,
      "Normal",
      "SuccessfulDelete",
      `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    );
  };

  /** The claims of a pod that is scaled away go with it, by garbage collection. */
  const giveClaimsTo = async (
    key: string,
    set: ReadonlyStatefulSet,
    pod: ReadonlyPod,
    signal: AbortSignal,
  ): Promise<void> => {
    const ordinal = ordinalOf(set, pod) ?? 0;
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      const claim = claims.get(`${set.metadata.namespace}/${claimName(set, template.metadata.name, ordinal)}`);
      if (claim === undefined) continue;
      const reference = { apiVersion: "v1", kind: "Pod", name: pod.metadata.name, uid: pod.metadata.uid ?? "" };
      const ownerReferences = [
        ...(claim.metadata.ownerReferences ?? []).filter((one) => one.uid !== set.metadata.uid),
        reference,
      ];
      const metadata = { ...claim.metadata, ownerReferences };
      claimWrites.wrote(key, (await claimClient.update({ ...claim, metadata }, { signal })) as ReadonlyClaim);
    }
  };

  const setsOf = (pod: DeepReadonly<Pod>): readonly string[] => {
    if (isControlled(pod)) return controlledBy("StatefulSet", pod);
    return sets
      .byIndex("namespace", pod.metadata.namespace ?? "")
      .filter((set) => selects(set.spec?.selector, pod.metadata.labels))
      .map(objectKey);
  };
  const watches = [
    wakeOn(sets, (set) => [objectKey(set)]),
    wakeOn(pods, setsOf),
    wakeOn(claims, (claim) =>
      sets
        .byIndex("namespace", claim.metadata.namespace ?? "")
        .filter((set) => selects(set.spec?.selector, claim.metadata.labels))
        .map(objectKey),
    ),
    wakeOn(revisionInformer, (revision) => controlledBy("StatefulSet", revision)),
  ];
  return createLoop({ name: "statefulset", watches, reconcile }, ports);
}

type ReadonlyClaim = DeepReadonly<PersistentVolumeClaim>;

/** It goes, or will go with the pod that it was given to. */
const isCondemned = ({ metadata: { deletionTimestamp, ownerReferences = [] } }: ReadonlyClaim): boolean =>
  deletionTimestamp !== undefined ||
  ownerReferences.some(({ kind, apiVersion }) => kind === "Pod" && apiVersion === "v1");

function templateIn(revision: ReadonlyRevision | undefined): DeepReadonly<PodTemplateSpec> | undefined {
  const data = revision?.data as
    | { readonly spec?: { readonly template?: DeepReadonly<PodTemplateSpec> & { readonly $patch?: string } } }
    | undefined;
  if (data?.spec?.template === undefined) return undefined;
  const { $patch: _, ...template } = data.spec.template;
  return template;
}
