// Decides the next step of a Deployment: make the new set, size sets, forget old ones, say so in the status. One step at a time:
// each is small enough that being killed after it leaves something from which the next look goes on.
import type { Deployment, DeploymentStatus, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";
import { sameJson } from "../../loop/same-json.ts";
import {
  annotationsOfNewSet,
  byRevision,
  nextRevision,
  revisionAnnotation,
  rollbackMarks,
  scaleAnnotations,
} from "./annotations.ts";
import {
  fences,
  isRolling,
  newSetSize,
  proportionalSizes,
  shrinkOldSets,
  sizeOf,
  sum,
  wantedReplicas,
  wasScaled,
} from "./shares.ts";
import { rollbackTarget, wantsRollback } from "./rollback.ts";
import { deploymentStatus } from "./status.ts";
import { newReplicaSet, templateHash } from "./template.ts";

type Set = DeepReadonly<ReplicaSet>;

export interface DeploymentView {
  readonly deployment: DeepReadonly<Deployment>;
  /** Every ReplicaSet it owns. */
  readonly sets: readonly Set[];
  /** Whether any pod of an old set still runs; Recreate waits for them. */
  readonly oldPodsRunning: boolean;
  readonly nowMs: number;
}

export type DeploymentAction =
  | {
      readonly kind: "create-set";
      readonly name: string;
      readonly hash: string;
      readonly replicas: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "update-set";
      readonly set: Set;
      readonly replicas: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly kind: "delete-set"; readonly set: Set }
  | { readonly kind: "set-revision"; readonly revision: string }
  | { readonly kind: "roll-back"; readonly from: Set; readonly to: Set };

export interface DeploymentPlan extends Plan<DeploymentAction> {
  readonly status: DeploymentStatus;
  readonly wakeAfterMs: number | undefined;
}

export function planDeployment(view: DeploymentView): DeploymentPlan {
  const { deployment, sets } = view;
  const newSet = newReplicaSet(deployment, sets);
  const oldSets = sets.filter((set) => set !== newSet);
  const step =
    deployment.metadata.deletionTimestamp === undefined
      ? nextStep(view, newSet, oldSets)
      : still("it is being deleted");
  const collisionCount = deployment.status?.collisionCount;
  return { ...step, ...deploymentStatus({ deployment, sets, newSet, collisionCount, nowMs: view.nowMs }) };
}

function nextStep(view: DeploymentView, newSet: Set | undefined, oldSets: readonly Set[]): Plan<DeploymentAction> {
  const { deployment, sets } = view;
  const revision = nextRevision(oldSets);
  const back = newSet && rollbackTarget(deployment, newSet, oldSets);
  if (newSet !== undefined && back !== undefined)
    return { actions: [{ kind: "roll-back", from: newSet, to: back }], because: "it missed its progress deadline" };
  const scaled = wasScaled(deployment, sets);
  if (deployment.spec?.paused || scaled) {
    const marks = newSet ? syncAnnotations(deployment, newSet, revision) : [];
    if (marks.length > 0)
      return { actions: marks, because: "the new replica set's annotations follow the deployment's" };
    const resizes = resize(deployment, proportionalSizes(deployment, oldSets, newSet), scaled ? sets : []);
    if (resizes.length > 0) return { actions: resizes, because: `replicas were set to ${wantedReplicas(deployment)}` };
    if (deployment.spec?.paused) return { actions: cleanup(view, oldSets, newSet), because: "it is paused" };
  }
  return isRolling(deployment) ? roll(view, newSet, oldSets, revision) : recreate(view, newSet, oldSets, revision);
}

function roll(
  view: DeploymentView,
  newSet: Set | undefined,
  oldSets: readonly Set[],
  revision: bigint,
): Plan<DeploymentAction> {
  const { deployment, sets } = view;
  const size = newSetSize(deployment, sets, newSet);
  if (newSet === undefined)
    return { actions: [createSet(view, size, revision)], because: "the template has no replica set yet" };
  const marks = syncAnnotations(deployment, newSet, revision);
  if (marks.length > 0) return { actions: marks, because: "the new replica set's annotations follow the deployment's" };
  if (size !== sizeOf(newSet)) {
    return {
      actions: resize(deployment, [{ set: newSet, to: size }], []),
      because: `the new replica set may have ${size} pods now`,
    };
  }
  const shrink = sum(oldSets, sizeOf) > 0 ? shrinkOldSets(deployment, oldSets, newSet) : [];
  if (shrink.length > 0)
    return { actions: resize(deployment, shrink, []), because: "enough pods are available to give up old ones" };
  if (sum(oldSets, sizeOf) > 0) return still("old pods stay until enough new ones are available");
  return finished(view, newSet, oldSets);
}

function recreate(
  view: DeploymentView,
  newSet: Set | undefined,
  oldSets: readonly Set[],
  revision: bigint,
): Plan<DeploymentAction> {
  const { deployment } = view;
  const alive = oldSets.filter((set) => sizeOf(set) > 0);
  if (alive.length > 0)
    return {
      actions: resize(
        deployment,
        alive.map((set) => ({ set, to: 0 })),
        [],
      ),
      because: "old pods end before new ones begin",
    };
  if (view.oldPodsRunning) return still("old pods are still ending");
  const wanted = wantedReplicas(deployment);
  if (newSet === undefined) return { actions: [createSet(view, wanted, revision)], because: "the old pods are gone" };
  const marks = syncAnnotations(deployment, newSet, revision);
  if (marks.length > 0) return { actions: marks, because: "the new replica set's annotations follow the deployment's" };
  if (sizeOf(newSet) !== wanted)
    return { actions: resize(deployment, [{ set: newSet, to: wanted }], []), because: "the old pods are gone" };
  return finished(view, newSet, oldSets);
}

function finished(view: DeploymentView, newSet: Set, oldSets: readonly Set[]): Plan<DeploymentAction> {
  const { deployment } = view;
  const wanted = wantedReplicas(deployment);
  const complete = newSet.status?.availableReplicas === wanted && newSet.status.replicas === wanted;
  if (!complete) return still("new pods are not all available yet");
  const { annotations = {} } = newSet.metadata;
  if (wantsRollback(deployment) && wanted > 0 && annotations[rollbackMarks.complete] !== "true") {
    const marked = { ...annotations, [rollbackMarks.complete]: "true" };
    const mark = { kind: "update-set", set: newSet, replicas: sizeOf(newSet), annotations: marked } as const;
    return { actions: [mark], because: "a rollout to go back to is complete" };
  }
  const actions = cleanup(view, oldSets, newSet);
  return actions.length > 0
    ? { actions, because: "more old replica sets are kept than the history's limit" }
    : still("as asked for");
}

function createSet({ deployment }: DeploymentView, replicas: number, revision: bigint): DeploymentAction {
  const hash = templateHash(deployment.spec?.template, deployment.status?.collisionCount ?? 0);
  const annotations = {
    ...annotationsOfNewSet(deployment, undefined, revision),
    ...scaleAnnotations(wantedReplicas(deployment), wantedReplicas(deployment) + fences(deployment).surge),
  };
  return { kind: "create-set", name: `${deployment.metadata.name}-${hash}`, hash, replicas, annotations };
}

/** Brings revision and copied annotations up to date, on the set first and then on the Deployment. */
function syncAnnotations(
  deployment: DeepReadonly<Deployment>,
  newSet: Set,
  revision: bigint,
): readonly DeploymentAction[] {
  const annotations = annotationsOfNewSet(deployment, newSet, revision);
  if (!sameJson(annotations, newSet.metadata.annotations ?? {})) {
    return [{ kind: "update-set", set: newSet, replicas: sizeOf(newSet), annotations }];
  }
  const current = annotations[revisionAnnotation] ?? String(revision);
  return deployment.metadata.annotations?.[revisionAnnotation] === current
    ? []
    : [{ kind: "set-revision", revision: current }];
}

/** Sizes sets; those in `remark` get the scale annotations even when their size stays. */
function resize(
  deployment: DeepReadonly<Deployment>,
  targets: readonly { readonly set: Set; readonly to: number }[],
  remark: readonly Set[],
): readonly DeploymentAction[] {
  const marks = scaleAnnotations(wantedReplicas(deployment), wantedReplicas(deployment) + fences(deployment).surge);
  const sizes = new Map<Set, number>(remark.filter((set) => sizeOf(set) > 0).map((set) => [set, sizeOf(set)]));
  for (const { set, to } of targets) sizes.set(set, to);
  return [...sizes]
    .map(([set, replicas]) => ({
      kind: "update-set" as const,
      set,
      replicas,
      annotations: { ...set.metadata.annotations, ...marks },
    }))
    .filter(
      ({ set, replicas, annotations }) => replicas !== sizeOf(set) || !sameJson(annotations, set.metadata.annotations),
    );
}

/** Old, empty sets beyond the history's limit, the oldest revision first. */
function cleanup(
  { deployment }: DeploymentView,
  oldSets: readonly Set[],
  newSet: Set | undefined,
): readonly DeploymentAction[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const dead = oldSets
    .filter(
      (set) =>
        set !== newSet &&
        sizeOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        set.metadata.deletionTimestamp === undefined,
    )
    .filter((set) => (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0))
    .sort(byRevision);
  return dead.slice(0, Math.max(0, dead.length - limit)).map((set) => ({ kind: "delete-set", set }));
}

const still = (because: string): Plan<DeploymentAction> => ({ actions: [], because });
