// What the scheduler knows of storage: claims, volumes, classes, and what CSI drivers say about nodes. On top of what the API
// shows lies what has been decided but not been written yet (*assumed*): a volume promised to a claim, a claim promised a node.
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "@coxswain/api/storage/v1";
import { claimsOf } from "./claims.ts";
import type { PodView } from "../resources.ts";

export type ClaimView = DeepReadonly<PersistentVolumeClaim>;
export type VolumeView = DeepReadonly<PersistentVolume>;
export type ClassView = DeepReadonly<StorageClass>;

export interface VolumeCatalog {
  claim(key: string): ClaimView | undefined;
  volume(name: string): VolumeView | undefined;
  /** Volumes of a class, "" for those without. */
  volumesOfClass(name: string): Iterable<VolumeView>;
  storageClass(name: string): ClassView | undefined;
  csiNode(name: string): DeepReadonly<CSINode> | undefined;
  csiDriver(name: string): DeepReadonly<CSIDriver> | undefined;
  capacities(): Iterable<DeepReadonly<CSIStorageCapacity>>;
  attachmentsOn(nodeName: string): Iterable<DeepReadonly<VolumeAttachment>>;
  /** Placed pods that use a claim. */
  users(claimKey: string): number;

  setClaim(key: string, claim: ClaimView | undefined): void;
  setVolume(name: string, volume: VolumeView | undefined): void;
  setClass(name: string, storageClass: ClassView | undefined): void;
  setCsiNode(name: string, node: DeepReadonly<CSINode> | undefined): void;
  setCsiDriver(name: string, driver: DeepReadonly<CSIDriver> | undefined): void;
  setCapacity(key: string, capacity: DeepReadonly<CSIStorageCapacity> | undefined): void;
  setAttachment(name: string, attachment: DeepReadonly<VolumeAttachment> | undefined): void;
  /** A pod was placed; a pod is placed no more. */
  use(pod: PodView, nodeName: string): void;
  release(pod: PodView): void;
  /** Holds until the API shows a newer version, or until the result is called. */
  assumeVolume(volume: VolumeView): () => void;
  assumeClaim(claim: ClaimView): () => void;
}

/** A collection with what is assumed about it lying over it. */
function layered<T extends { readonly metadata: { readonly resourceVersion?: string | undefined } }>() {
  const shown = new Map<string, T>();
  const assumed = new Map<string, T>();
  return {
    shown,
    get: (key: string): T | undefined => assumed.get(key) ?? shown.get(key),
    set(key: string, object: T | undefined): void {
      if (object?.metadata.resourceVersion !== shown.get(key)?.metadata.resourceVersion) assumed.delete(key);
      if (object === undefined) shown.delete(key);
      else shown.set(key, object);
    },
    assume(key: string, object: T): () => void {
      assumed.set(key, object);
      return () => {
        if (assumed.get(key) === object) assumed.delete(key);
      };
    },
  };
}

export function createVolumeCatalog(): VolumeCatalog {
  const claims = layered<ClaimView>();
  const volumes = layered<VolumeView>();
  const volumeNames = new Map<string, Set<string>>();
  const classes = new Map<string, ClassView>();
  const nodes = new Map<string, DeepReadonly<CSINode>>();
  const drivers = new Map<string, DeepReadonly<CSIDriver>>();
  const capacities = new Map<string, DeepReadonly<CSIStorageCapacity>>();
  const attachments = new Map<string, DeepReadonly<VolumeAttachment>>();
  const users = new Map<string, number>();

  const count = (pod: PodView, by: 1 | -1): void => {
    for (const { key } of claimsOf(pod)) {
      const now = (users.get(key) ?? 0) + by;
      if (now > 0) users.set(key, now);
      else users.delete(key);
    }
  };

  return {
    claim: claims.get,
    volume: volumes.get,
    *volumesOfClass(name) {
      for (const volumeName of volumeNames.get(name) ?? []) {
        const volume = volumes.get(volumeName);
        if (volume !== undefined) yield volume;
      }
    },
    storageClass: (name) => classes.get(name),
    csiNode: (name) => nodes.get(name),
    csiDriver: (name) => drivers.get(name),
    capacities: () => capacities.values(),
    *attachmentsOn(nodeName) {
      for (const attachment of attachments.values()) if (attachment.spec.nodeName === nodeName) yield attachment;
    },
    users: (key) => users.get(key) ?? 0,

    setClaim: claims.set,
    setVolume(name, volume) {
      volumeNames.get(volumes.shown.get(name)?.spec?.storageClassName ?? "")?.delete(name);
      volumes.set(name, volume);
      if (volume === undefined) return;
      const storageClass = volume.spec?.storageClassName ?? "";
      const names = volumeNames.get(storageClass) ?? new Set<string>();
      names.add(name);
      volumeNames.set(storageClass, names);
    },
    setClass: (name, storageClass) => put(classes, name, storageClass),
    setCsiNode: (name, node) => put(nodes, name, node),
    setCsiDriver: (name, driver) => put(drivers, name, driver),
    setCapacity: (key, capacity) => put(capacities, key, capacity),
    setAttachment: (name, attachment) => put(attachments, name, attachment),
    use: (pod) => count(pod, 1),
    release: (pod) => count(pod, -1),
    assumeVolume: (volume) => volumes.assume(volume.metadata.name, volume),
    assumeClaim: (claim) => claims.assume(objectKey(claim), claim),
  };
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
