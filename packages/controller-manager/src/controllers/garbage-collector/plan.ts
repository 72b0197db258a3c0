// Decides the fate of one object from what its owners are: solid (there), dangling (gone), or waiting (being deleted in the
// foreground until this object is gone). Rules and their order as Kubernetes' attemptToDeleteItem.
import type { DeepReadonly, OwnerReference } from "@coxswain/apimachinery";

export type OwnerState = "solid" | "dangling" | "waiting";

export interface GarbageView {
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly owners: readonly { readonly reference: DeepReadonly<OwnerReference>; readonly state: OwnerState }[];
  readonly dependents: readonly { readonly uid: string; readonly blocks: boolean; readonly deleting: boolean }[];
}

export type GarbageAction =
  | { readonly kind: "keep" }
  | { readonly kind: "delete"; readonly policy: "Foreground" | "Background" | "Orphan" }
  | { readonly kind: "remove-owners"; readonly uids: readonly string[] }
  | { readonly kind: "remove-finalizer"; readonly finalizer: string }
  /** Frees the dependents from this object, then lets it go. */
  | { readonly kind: "orphan-dependents" }
  | { readonly kind: "look-at-dependents"; readonly uids: readonly string[] };

export interface GarbagePlan {
  readonly action: GarbageAction;
  readonly because: string;
}

export function planGarbage(view: GarbageView): GarbagePlan {
  const { deleting, finalizers, owners, dependents } = view;
  if (deleting && finalizers.includes("orphan"))
    return { action: { kind: "orphan-dependents" }, because: "its dependents are to outlive it" };
  if (deleting && finalizers.includes("foregroundDeletion")) {
    const blocking = dependents.filter((dependent) => dependent.blocks);
    if (blocking.length === 0)
      return {
        action: { kind: "remove-finalizer", finalizer: "foregroundDeletion" },
        because: "no dependent holds it up",
      };
    const uids = blocking.filter((dependent) => !dependent.deleting).map((dependent) => dependent.uid);
    return { action: { kind: "look-at-dependents", uids }, because: `${blocking.length} dependents go before it` };
  }
  if (deleting) return { action: { kind: "keep" }, because: "it is being deleted" };
  if (owners.length === 0) return { action: { kind: "keep" }, because: "nobody owns it" };
  const of = (state: OwnerState): readonly string[] =>
    owners.filter((owner) => owner.state === state).map((owner) => owner.reference.uid);
  if (of("solid").length > 0) {
    const gone = [...of("dangling"), ...of("waiting")];
    if (gone.length === 0) return { action: { kind: "keep" }, because: "its owners are there" };
    return { action: { kind: "remove-owners", uids: gone }, because: "one of its owners is there, others are gone" };
  }
  if (of("waiting").length > 0 && dependents.length > 0) {
    return {
      action: { kind: "delete", policy: "Foreground" },
      because: "its owner waits for it, and others depend on it",
    };
  }
  const policy = finalizers.includes("orphan")
    ? "Orphan"
    : finalizers.includes("foregroundDeletion")
      ? "Foreground"
      : "Background";
  const because = of("waiting").length > 0 ? "its owner waits for it to go" : "all of its owners are gone";
  return { action: { kind: "delete", policy }, because };
}
