// Decides which pods of a silent node may be held to have ended. Beyond Kubernetes: the node's agent promises to end pods that are
// annotated so when it cannot renew its lease for a time that it has published; when more than that time has passed, and the pod was told
// to leave, it is removed for good, so that a StatefulSet goes on elsewhere without a person's word.
import type { ControllerRevision } from "@coxswain/api/apps/v1";
import type { Node, PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";
import type { ReadonlyPod } from "../../pods/state.ts";
import { revisionLabel } from "../../revisions/revisions.ts";

/** Agreed with the node agent, which is the other half. */
export const fencingMarks = {
  pod: "coxswain.io/fencing",
  afterSeconds: "coxswain.io/fence-after-seconds",
} as const;

/** The agent takes two seconds to end a pod; the rest is for clocks that do not run alike. */
export const marginMs = 12_000;

export interface FencedView {
  readonly node: DeepReadonly<Node>;
  /** How long its lease has not changed, as seen from here. */
  readonly silentMs: number;
  readonly pods: readonly ReadonlyPod[];
  readonly revisionOf: (pod: ReadonlyPod) => DeepReadonly<ControllerRevision> | undefined;
}

export interface FencedRemoval {
  readonly pod: ReadonlyPod;
}

export function planFencedPods(view: FencedView): Plan<FencedRemoval> & { readonly wakeAfterMs?: number } {
  const { node, silentMs } = view;
  const afterMs = fenceAfterMs(node);
  if (afterMs === undefined) return { actions: [], because: "its agent promises nothing" };
  if (!isUnreachable(node)) return { actions: [], because: "it is not held to be unreachable" };
  const waitMs = afterMs + marginMs - silentMs;
  if (waitMs > 0) return { actions: [], because: "its agent may still be ending them", wakeAfterMs: waitMs };
  const actions = view.pods.filter((pod) => isFenced(pod, view.revisionOf(pod))).map((pod) => ({ pod }));
  return { actions, because: `its agent has ended them: no sign of life for ${Math.round(silentMs / 1000)} s` };
}

function fenceAfterMs(node: DeepReadonly<Node>): number | undefined {
  const text = node.metadata.annotations?.[fencingMarks.afterSeconds] ?? "";
  const seconds = Number(text);
  return /^\d+(\.\d+)?$/.test(text) && seconds > 0 ? seconds * 1000 : undefined;
}

/** While it is, no successor is put on it. */
const isUnreachable = (node: DeepReadonly<Node>): boolean =>
  node.spec?.taints?.some(({ key }) => key === "node.kubernetes.io/unreachable") ?? false;

/**
 * Told to leave, and annotated since it was made: an annotation that came later may never have reached the agent. Only a StatefulSet keeps
 * on record what its pods were made from, and only it must wait for a pod to be gone.
 */
function isFenced(pod: ReadonlyPod, revision: DeepReadonly<ControllerRevision> | undefined): boolean {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
  const data = revision?.data as { readonly spec?: { readonly template?: DeepReadonly<PodTemplateSpec> } } | undefined;
  return (
    pod.metadata.deletionTimestamp !== undefined &&
    owner?.kind === "StatefulSet" &&
    revision?.metadata.name === pod.metadata.labels?.[revisionLabel] &&
    pod.metadata.annotations?.[fencingMarks.pod] === "true" &&
    data?.spec?.template?.metadata?.annotations?.[fencingMarks.pod] === "true"
  );
}
