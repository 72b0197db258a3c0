// VolumeBinding: a pod's claims must have volumes that can be reached from the node, or get them there. Claims that wait for
// their first consumer are promised a volume, or a provisioner is told the node, before the pod is bound.
import type { VolumeCatalog, ClaimView } from "../volumes/catalog.ts";
import { definePlugin, unsuitable } from "../plugin.ts";
import type { Plugin, Rejection } from "../plugin.ts";
import { sameLabels } from "../node-layout.ts";
import { classOf, isFullyBound, selectedNode, volumesOn } from "../volumes/binding.ts";
import { claimsOf } from "../volumes/claims.ts";
import type { PodView } from "../resources.ts";

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
}

interface Prepared {
  readonly catalog: VolumeCatalog;
  readonly bound: readonly ClaimView[];
  readonly waiting: readonly ClaimView[];
  readonly obstacle: Rejection | undefined;
}

export function volumeBinding({ bindTimeoutSeconds }: VolumeBindingArgs): Plugin {
  return definePlugin<Prepared>({
    name: "VolumeBinding",
    scope: "pod",
    prepare: (pod, { volumes: catalog }) => sortClaims(pod, catalog),
    hopeless: ({ obstacle }) => obstacle,
    filters: ({ bound, waiting }) => bound.length + waiting.length > 0,
    filter({ catalog, bound, waiting }, node) {
      const { reasons } = volumesOn(node, bound, waiting, catalog);
      return reasons.length === 0 ? undefined : { reasons, unresolvable: true };
    },
    explain: ({ catalog, bound, waiting }, node) => volumesOn(node, bound, waiting, catalog).detail,
    reserve(_pod, { catalog, bound, waiting }, node) {
      const { bindings, provisions } = volumesOn(node, bound, waiting, catalog);
      const undo = [
        ...bindings.map(({ claim, volume }) => {
          const { namespace, name, uid } = claim.metadata;
          const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", name, namespace, uid };
          return catalog.assumeVolume({ ...volume, spec: { ...volume.spec, claimRef } } as typeof volume);
        }),
        ...provisions.map((claim) => {
          const annotations = { ...claim.metadata.annotations, [selectedNode]: node.name };
          return catalog.assumeClaim({ ...claim, metadata: { ...claim.metadata, annotations } });
        }),
      ];
      return () => {
        for (const one of undo) one();
      };
    },
    preBind(_pod, { catalog, bound, waiting }, node) {
      if (waiting.length === 0) return undefined;
      const { bindings, provisions } = volumesOn(node, bound, waiting, catalog);
      return { bindings, provisions, nodeName: node.name, timeoutMs: bindTimeoutSeconds * 1000 };
    },
    wakes: {
      "node-added": () => true,
      "node-updated": ({ old, node }) => !sameLabels(old, node),
      "claim-changed": ({ object }, pod) =>
        object.metadata.namespace === pod.metadata.namespace &&
        claimsOf(pod).some(({ name }) => name === object.metadata.name),
      "volume-changed": () => true,
      "storage-class-changed": () => true,
      "csi-node-changed": () => true,
      "csi-driver-changed": ({ object, old }) =>
        old?.spec.storageCapacity === true && object.spec.storageCapacity !== true,
      "capacity-changed": () => true,
    },
  });
}

function sortClaims(pod: PodView, catalog: VolumeCatalog): Prepared {
  const bound: ClaimView[] = [];
  const waiting: ClaimView[] = [];
  const hopeless = (reason: string): Prepared => ({ catalog, bound: [], waiting: [], obstacle: unsuitable(reason) });
  let immediate = false;
  for (const { key, name, ephemeral } of claimsOf(pod)) {
    const claim = catalog.claim(key);
    if (claim === undefined)
      return hopeless(
        ephemeral
          ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
          : `persistentvolumeclaim "${name}" not found`,
      );
    if (claim.status?.phase === "Lost")
      return hopeless(
        `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`,
      );
    if (claim.metadata.deletionTimestamp !== undefined)
      return hopeless(`persistentvolumeclaim "${name}" is being deleted`);
    if (ephemeral && !(claim.metadata.ownerReferences ?? []).some(({ uid }) => uid === pod.metadata.uid))
      return hopeless(
        `PVC ${key} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`,
      );
    if (isFullyBound(claim)) {
      bound.push(claim);
      continue;
    }
    const className = classOf(claim);
    const storageClass = catalog.storageClass(className);
    if (className !== "" && storageClass === undefined && (claim.spec?.volumeName ?? "") === "")
      return hopeless(`storageclass.storage.k8s.io "${className}" not found`);
    if (storageClass?.volumeBindingMode === "WaitForFirstConsumer" && (claim.spec?.volumeName ?? "") === "")
      waiting.push(claim);
    else immediate = true;
  }
  if (immediate) return hopeless("pod has unbound immediate PersistentVolumeClaims");
  return { catalog, bound, waiting, obstacle: undefined };
}
