// Carries a claim out: sets and removes owner references by patches that name the object's UID, so that an object of the same
// name made meanwhile is not touched. Before the first adoption the owner is read from the server: one that has been deleted
// must not collect children.
import type { ApiObject, DeepReadonly, OwnerReference } from "@coxswain/apimachinery";
import { isInvalid, isNotFound } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";
import type { OwnWrites } from "@coxswain/controller";
import type { Claim } from "./claim.ts";

export interface Owner {
  readonly object: DeepReadonly<ApiObject>;
  readonly apiVersion: string;
  readonly kind: string;
}

/** The reference a controller puts on what it makes. */
export function controllerReference(owner: Owner): OwnerReference {
  const { name, uid } = owner.object.metadata;
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name,
    uid: uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Returns everything that belongs to the owner afterwards. */
export async function carryOutClaim<T extends ApiObject>(
  owner: Owner,
  claim: Claim<T>,
  ports: {
    readonly children: ResourceClient<T>;
    readonly owners: Pick<ResourceClient<ApiObject>, "get">;
    readonly writes: OwnWrites<T>;
    readonly ownerKey: string;
    /** What the owner's children have as long as they are its own. */
    readonly finalizer?: string;
  },
  signal: AbortSignal,
): Promise<readonly DeepReadonly<T>[]> {
  if (claim.toAdopt.length === 0 && claim.toRelease.length === 0) return claim.owned;
  const { name, namespace, uid } = owner.object.metadata;
  const patch = async (
    child: DeepReadonly<T>,
    references: readonly DeepReadonly<OwnerReference>[],
  ): Promise<T | undefined> => {
    const ref = { namespace: child.metadata.namespace, name: child.metadata.name };
    const { uid: childUid, resourceVersion } = child.metadata;
    const body = {
      metadata: {
        uid: childUid,
        resourceVersion,
        ownerReferences: references.length === 0 ? null : references,
        ...changedFinalizers(
          child,
          ports.finalizer,
          references.some((reference) => reference.uid === uid),
        ),
      },
    };
    try {
      const patched = await ports.children.patch(ref, body, { type: "merge", signal });
      ports.writes.wrote(ports.ownerKey, patched as DeepReadonly<T>);
      return patched;
    } catch (error) {
      if (isNotFound(error) || isInvalid(error)) return undefined; // it is gone, or another one by now
      throw error;
    }
  };
  const adopted: DeepReadonly<T>[] = [];
  if (claim.toAdopt.length > 0) {
    const fresh = await ports.owners.get({ namespace, name }, { signal });
    if (fresh.metadata.uid === uid && fresh.metadata.deletionTimestamp === undefined) {
      for (const child of claim.toAdopt) {
        const patched = await patch(child, [...(child.metadata.ownerReferences ?? []), controllerReference(owner)]);
        if (patched) adopted.push(patched as DeepReadonly<T>);
      }
    }
  }
  for (const child of claim.toRelease) {
    await patch(
      child,
      (child.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid),
    );
  }
  return [...claim.owned, ...adopted];
}

function changedFinalizers(
  { metadata: { finalizers = [] } }: DeepReadonly<ApiObject>,
  finalizer: string | undefined,
  isOwned: boolean,
): { readonly finalizers?: readonly string[] | null } {
  if (finalizer === undefined || finalizers.includes(finalizer) === isOwned) return {};
  const left = isOwned ? [...finalizers, finalizer] : finalizers.filter((one) => one !== finalizer);
  return { finalizers: left.length === 0 ? null : left };
}
