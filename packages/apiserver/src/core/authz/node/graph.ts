// Which objects a node may see because one of its pods refers to them. Kubernetes' node authorizer keeps a graph and walks it; ours
// keeps the answer to the only walk there is, object -> pod -> node, as counted edges per node:
//
//   secrets/ns/a ──┐
//   configmaps/ns/b├── pod ns/web ── node worker-1        pvc ns/data ── pv vol-1 ── its secrets (looked up when asked)
//   serviceaccount ┘
import type { Pod } from "@coxswain/api/core/v1";

/** "secrets/ns/name" and the like. */
export type ObjectRef = string;

/** Edges from objects to nodes, counted, since two pods of a node may refer to one secret. */
export class NodeGraph {
  readonly #edges = new Map<string, Map<ObjectRef, number>>();
  /** What was counted for each pod, so that it can be taken back. */
  readonly #pods = new Map<string, { readonly node: string; readonly refs: readonly ObjectRef[] }>();

  /** Counts what the pod refers to, once it is bound. A finished pod keeps its edges until it is gone, as in Kubernetes. */
  putPod(pod: Pod): void {
    const key = podKey(pod);
    this.#forget(key);
    const node = pod.spec?.nodeName;
    if (node === undefined || node === "") return;
    const refs = podReferences(pod);
    this.#pods.set(key, { node, refs });
    let edges = this.#edges.get(node);
    if (edges === undefined) this.#edges.set(node, (edges = new Map()));
    for (const ref of refs) edges.set(ref, (edges.get(ref) ?? 0) + 1);
  }

  removePod(pod: Pod): void {
    this.#forget(podKey(pod));
  }

  reaches(node: string, ref: ObjectRef): boolean {
    return this.#edges.get(node)?.has(ref) ?? false;
  }

  #forget(key: string): void {
    const known = this.#pods.get(key);
    if (known === undefined) return;
    this.#pods.delete(key);
    const edges = this.#edges.get(known.node);
    if (edges === undefined) return;
    for (const ref of known.refs) {
      const count = (edges.get(ref) ?? 0) - 1;
      if (count > 0) edges.set(ref, count);
      else edges.delete(ref);
    }
    if (edges.size === 0) this.#edges.delete(known.node);
  }
}

function podKey(pod: Pod): string {
  return `${pod.metadata.namespace ?? ""}/${pod.metadata.name}`;
}

/** Everything a node needs to run the pod, each once, the pod itself included. Mirror pods refer to nothing. */
export function podReferences(pod: Pod): readonly ObjectRef[] {
  const namespace = pod.metadata.namespace ?? "";
  const refs = new Set<ObjectRef>([`pods/${namespace}/${pod.metadata.name}`]);
  if (pod.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) return [...refs];
  const add = (resource: string, name: string | undefined): void => {
    if (name !== undefined && name !== "") refs.add(`${resource}/${namespace}/${name}`);
  };
  const { spec } = pod;
  if (spec === undefined) return [...refs];
  add("serviceaccounts", spec.serviceAccountName);
  for (const secret of spec.imagePullSecrets ?? []) add("secrets", secret.name);
  for (const container of [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ]) {
    for (const source of container.envFrom ?? []) {
      add("configmaps", source.configMapRef?.name);
      add("secrets", source.secretRef?.name);
    }
    for (const variable of container.env ?? []) {
      add("configmaps", variable.valueFrom?.configMapKeyRef?.name);
      add("secrets", variable.valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    add("secrets", volume.secret?.secretName);
    add("configmaps", volume.configMap?.name);
    add("persistentvolumeclaims", volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral !== undefined) add("persistentvolumeclaims", `${pod.metadata.name}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add("secrets", source.secret?.name);
      add("configmaps", source.configMap?.name);
    }
    const storages = [
      volume.azureFile,
      volume.cephfs,
      volume.cinder,
      volume.csi,
      volume.flexVolume,
      volume.iscsi,
      volume.rbd,
      volume.scaleIO,
      volume.storageos,
    ];
    for (const storage of storages) {
      if (storage === undefined) continue;
      if ("secretRef" in storage) add("secrets", storage.secretRef?.name);
      if ("nodePublishSecretRef" in storage) add("secrets", storage.nodePublishSecretRef?.name);
      if ("secretName" in storage) add("secrets", storage.secretName);
    }
  }
  return [...refs];
}
