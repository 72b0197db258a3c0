// Writes what was decided about a pod's claims and waits until every claim has its volume: the volume is reserved for its claim,
// a claim that needs a new volume is told the node. The volume controller and the provisioner do the rest.
import { persistentVolumeClaims, persistentVolumes } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import { objectKey } from "@coxswain/apimachinery";
import { boundByController, isFullyBound, selectedNode } from "../core/volumes/binding.ts";
import type { VolumeAction } from "../core/volumes/binding.ts";
import type { ClaimView, VolumeCatalog } from "../core/volumes/catalog.ts";

export interface VolumeWaiting {
  readonly client: Pick<Client, "resource">;
  readonly clock: Clock;
  readonly catalog: VolumeCatalog;
  /** Resolves when a claim or a volume has changed. */
  readonly change: (signal: AbortSignal) => Promise<void>;
}

/** Throws when a claim cannot be bound any more, or not in time. */
export async function bindVolumes(action: VolumeAction, parts: VolumeWaiting, signal: AbortSignal): Promise<void> {
  const { client, clock } = parts;
  for (const { claim, volume } of action.bindings) {
    const { namespace, name, uid, resourceVersion } = claim.metadata;
    const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion };
    const annotations = { [boundByController]: "yes" };
    const { resourceVersion: seen } = volume.metadata;
    await client.resource(persistentVolumes).patch(
      { name: volume.metadata.name },
      // Only while nobody else has taken it.
      { metadata: { resourceVersion: seen, annotations }, spec: { claimRef } },
      { type: "merge", signal },
    );
  }
  for (const claim of action.provisions) {
    if (claim.metadata.annotations?.[selectedNode] === action.nodeName) continue;
    const { namespace, name, resourceVersion } = claim.metadata;
    const annotations = { [selectedNode]: action.nodeName };
    await client
      .resource(persistentVolumeClaims)
      .patch({ namespace, name }, { metadata: { resourceVersion, annotations } }, { type: "merge", signal });
  }
  const claims = [...action.bindings.map(({ claim }) => claim), ...action.provisions];
  const deadline = new AbortController();
  const timer = clock.setTimeout(() => deadline.abort(), action.timeoutMs);
  try {
    while (!claims.every((claim) => hasVolume(claim, action, parts.catalog))) {
      if (deadline.signal.aborted) throw new Error(`binding volumes: context deadline exceeded`);
      await parts.change(AbortSignal.any([signal, deadline.signal]));
      signal.throwIfAborted();
    }
  } finally {
    timer.cancel();
  }
}

function hasVolume(claim: ClaimView, action: VolumeAction, catalog: VolumeCatalog): boolean {
  const key = objectKey(claim);
  const now = catalog.claim(key);
  if (now === undefined) throw new Error(`binding volumes: persistentvolumeclaim "${claim.metadata.name}" not found`);
  if (isFullyBound(now)) return true;
  const provisioned = action.provisions.some((one) => one.metadata.uid === claim.metadata.uid);
  const chosen = now.metadata.annotations?.[selectedNode];
  // The provisioner has given the node up by removing the annotation: another node must be found.
  if (provisioned && now.metadata.resourceVersion !== claim.metadata.resourceVersion && chosen !== action.nodeName)
    throw new Error(`selectedNode annotation reset for PVC "${claim.metadata.name}"`);
  return false;
}
