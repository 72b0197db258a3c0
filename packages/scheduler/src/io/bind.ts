// The scheduler's only placement write: the binding subresource. Says what became of it, since a write whose answer was lost may
// still have happened; then the pod itself is asked.
import type { Binding, Pod } from "@coxswain/api/core/v1";
import { pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { isConflict, isNotFound, isOutcomeUnknown } from "@coxswain/client";
import type { PodView } from "../core/resources.ts";

export type BindOutcome =
  | { readonly outcome: "bound" }
  /** The pod is gone, or someone else has bound it: nothing is left to do. */
  | { readonly outcome: "moot"; readonly because: string; readonly pod?: Pod }
  /** Nobody has bound it. */
  | { readonly outcome: "failed"; readonly error: unknown }
  /** It may be bound or not: nobody answers. */
  | { readonly outcome: "unknown"; readonly error: unknown };

export async function bindPod(
  client: Pick<Client, "resource">,
  pod: PodView,
  nodeName: string,
  signal: AbortSignal,
): Promise<BindOutcome> {
  const { name, namespace, uid } = pod.metadata;
  const binding: Binding = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) },
    target: { apiVersion: "v1", kind: "Node", name: nodeName },
  };
  try {
    await client.resource(pods).createSubresource({ namespace, name }, "binding", binding, { signal });
    return { outcome: "bound" };
  } catch (error) {
    if (isNotFound(error)) return { outcome: "moot", because: "the pod is gone" };
    if (!isConflict(error) && !isOutcomeUnknown(error) && !signal.aborted) return { outcome: "failed", error };
    return await lookAtBinding(client, pod, nodeName, error, signal);
  }
}

/** Reads what the pod is bound to now. */
export async function lookAtBinding(
  client: Pick<Client, "resource">,
  pod: PodView,
  nodeName: string,
  cause: unknown,
  signal: AbortSignal,
): Promise<BindOutcome> {
  const { name, namespace, uid } = pod.metadata;
  try {
    const now = await client.resource(pods).get({ namespace, name }, { signal });
    if (now.metadata.uid !== uid) return { outcome: "moot", because: "the pod was replaced by another of its name" };
    if (now.spec?.nodeName === nodeName) return { outcome: "bound" };
    if (now.spec?.nodeName !== undefined && now.spec.nodeName !== "")
      return { outcome: "moot", because: `the pod is bound to ${now.spec.nodeName}`, pod: now };
    return { outcome: "failed", error: cause };
  } catch (error) {
    return isNotFound(error) ? { outcome: "moot", because: "the pod is gone" } : { outcome: "unknown", error };
  }
}
