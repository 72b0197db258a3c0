// Who depends on whom, over all kinds: a graph of UIDs, kept up by events. An owner that has been named but not seen is in the
// graph, too, as "assumed", until it is seen or found to be absent. Pure memory; asks nobody.
import type { ApiObject, DeepReadonly, OwnerReference, ResourceDescriptor } from "@coxswain/apimachinery";

export interface GraphNode {
  readonly uid: string;
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string | undefined;
  descriptor: ResourceDescriptor | undefined;
  owners: readonly DeepReadonly<OwnerReference>[];
  finalizers: readonly string[];
  deleting: boolean;
  /** Seen by a watch; otherwise assumed because somebody names it as owner. */
  seen: boolean;
  readonly dependents: Set<string>;
}

export interface Graph {
  get(uid: string): GraphNode | undefined;
  /** Returns the UIDs that should be looked at because of it. */
  upsert(object: DeepReadonly<ApiObject>, descriptor: ResourceDescriptor): readonly string[];
  remove(uid: string): readonly string[];
  /** Whether a dependent of an object waits, by way of others that are all being deleted, for that object itself. */
  isCircular(uid: string, dependent: string): boolean;
  size(): number;
}

export function createGraph(): Graph {
  const nodes = new Map<string, GraphNode>();

  const assume = (reference: DeepReadonly<OwnerReference>, namespace: string | undefined): GraphNode => {
    const known = nodes.get(reference.uid);
    if (known) return known;
    const { uid, apiVersion, kind, name } = reference;
    const node: GraphNode = {
      uid,
      apiVersion,
      kind,
      name,
      namespace,
      descriptor: undefined,
      owners: [],
      finalizers: [],
      deleting: false,
      seen: false,
      dependents: new Set(),
    };
    nodes.set(uid, node);
    return node;
  };

  const dropIfUnused = (uid: string): void => {
    const node = nodes.get(uid);
    if (node && !node.seen && node.dependents.size === 0) nodes.delete(uid);
  };

  return {
    get: (uid) => nodes.get(uid),
    size: () => nodes.size,
    isCircular(uid, dependent) {
      const seen = new Set<string>();
      const open = [dependent];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const node = nodes.get(next);
        if (node === undefined || !node.deleting || seen.has(next)) continue;
        if (node.dependents.has(uid) || next === uid) return true;
        seen.add(next);
        open.push(...node.dependents);
      }
      return false;
    },
    upsert(object, descriptor) {
      const { uid = "", name, namespace, ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata;
      const before = nodes.get(uid);
      const node: GraphNode = before ?? {
        uid,
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        namespace,
        descriptor,
        owners: [],
        finalizers: [],
        deleting: false,
        seen: true,
        dependents: new Set(),
      };
      nodes.set(uid, node);
      const wasDeleting = node.deleting;
      const oldOwners = node.owners;
      Object.assign(node, {
        descriptor,
        name,
        namespace,
        seen: true,
        owners: ownerReferences,
        finalizers,
        deleting: deletionTimestamp !== undefined,
      });
      const look = new Set<string>();
      for (const owner of ownerReferences) {
        const ownerNode = assume(owner, namespace);
        ownerNode.dependents.add(uid);
        // An owner not seen may be absent; an owner that waits for its dependents must have this one looked at.
        if (!ownerNode.seen || ownerNode.deleting) look.add(uid);
      }
      for (const owner of oldOwners) {
        if (ownerReferences.some((reference) => reference.uid === owner.uid)) continue;
        nodes.get(owner.uid)?.dependents.delete(uid);
        look.add(owner.uid);
        look.add(uid);
        dropIfUnused(owner.uid);
      }
      for (const owner of ownerReferences) {
        const old = oldOwners.find((reference) => reference.uid === owner.uid);
        if (old?.blockOwnerDeletion && !owner.blockOwnerDeletion) look.add(owner.uid);
      }
      if (node.deleting && (finalizers.includes("foregroundDeletion") || finalizers.includes("orphan"))) {
        look.add(uid);
        if (!wasDeleting) for (const dependent of node.dependents) look.add(dependent);
      }
      return [...look];
    },
    remove(uid) {
      const node = nodes.get(uid);
      if (node === undefined) return [];
      const look = [...node.dependents];
      for (const owner of node.owners) {
        const ownerNode = nodes.get(owner.uid);
        ownerNode?.dependents.delete(uid);
        if (ownerNode?.deleting) look.push(owner.uid);
        dropIfUnused(owner.uid);
      }
      node.seen = false;
      node.owners = [];
      if (node.dependents.size === 0) nodes.delete(uid);
      return look;
    },
  };
}
