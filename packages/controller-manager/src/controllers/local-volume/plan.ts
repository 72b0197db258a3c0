// Volumes on a node's own disk, made on demand: what the volume of a claim looks like, and which volumes go. The directory itself is made
// by the node's agent when a pod first uses it, and removed by it when asked.
import type { Node, PersistentVolume } from "@coxswain/api/core/v1";
import type { StorageClass } from "@coxswain/api/storage/v1";
import { compareQuantities } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { requestOf, sizeOf } from "../persistentvolume-binder/match.ts";
import type { Claim, Volume } from "../persistentvolume-binder/match.ts";
import { provisionedBy, storageProvisioner } from "../persistentvolume-binder/plan.ts";

export const provisioner = "coxswain.io/local";
const hostname = "kubernetes.io/hostname";

/** Whether the claim waits for a volume of ours. */
export function waitsForUs({ metadata, spec, status }: Claim): boolean {
  return (
    metadata.annotations?.[storageProvisioner] === provisioner &&
    (spec?.volumeName ?? "") === "" &&
    status?.phase !== "Bound" &&
    metadata.deletionTimestamp === undefined
  );
}

/** Why a volume for the claim cannot be made, in the words of the event. */
export function impossible({ spec }: Claim): string | undefined {
  if (spec?.volumeMode === "Block")
    return "volumes on a node's disk are directories: volumeMode Block is not supported";
  if (spec?.selector !== undefined) return "claim.Spec.Selector is not supported for dynamic provisioning";
  const shared = (spec?.accessModes ?? []).find((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany");
  return shared && `a volume on one node's disk cannot be ${shared}`;
}

/** Its name is derived, so that a second making is refused. */
export function volumeFor(
  claim: Claim,
  { metadata, reclaimPolicy }: DeepReadonly<StorageClass>,
  node: DeepReadonly<Node>,
  directory: string,
): PersistentVolume {
  const { namespace = "", name: claimName, uid = "" } = claim.metadata;
  const name = `pvc-${uid}`;
  const host = node.metadata.labels?.[hostname] ?? node.metadata.name;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { [provisionedBy]: provisioner } },
    spec: {
      capacity: { storage: requestOf(claim) },
      accessModes: [...(claim.spec?.accessModes ?? ["ReadWriteOnce"])],
      claimRef: { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name: claimName, uid },
      persistentVolumeReclaimPolicy: reclaimPolicy ?? "Delete",
      storageClassName: metadata.name,
      volumeMode: "Filesystem",
      local: { path: `${directory}/${name}` },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: "In", values: [host] }] }] },
      },
    },
  };
}

export function isOurs({ metadata }: Volume): boolean {
  return metadata.annotations?.[provisionedBy] === provisioner;
}

/** Nobody holds it any more, and its class wants it gone. */
export function mayGo(volume: Volume): boolean {
  return (
    isOurs(volume) &&
    volume.status?.phase === "Released" &&
    volume.spec?.persistentVolumeReclaimPolicy === "Delete" &&
    volume.metadata.deletionTimestamp === undefined
  );
}

/** The value of the hostname label of the node that has the directory. */
export function hostOf({ spec }: Volume): string | undefined {
  return spec?.nodeAffinity?.required?.nodeSelectorTerms
    ?.flatMap((term) => term.matchExpressions ?? [])
    .find((expression) => expression.key === hostname)?.values?.[0];
}

/** What a claim that has grown may have: a directory has no size of its own. */
export function grown(claim: Claim, volume: Volume): string | undefined {
  const asked = requestOf(claim);
  return isOurs(volume) && compareQuantities(asked, sizeOf(volume)) > 0 ? asked : undefined;
}
