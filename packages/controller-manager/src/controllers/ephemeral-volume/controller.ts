// Makes the claims behind pods' ephemeral volumes. Each belongs to its pod and goes with it by garbage collection. After Kubernetes'
// `pkg/controller/volume/ephemeral`.
import { persistentVolumeClaims } from "@coxswain/api/core/v1";
import type { PersistentVolumeClaim, Volume } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isForbidden } from "@coxswain/client";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export function createEphemeralVolumeController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const pods = informers.pods();
  const claims = informers.persistentVolumeClaims();
  const claimClient = client.resource(persistentVolumeClaims);
  const events = ports.events("ephemeral_volume");

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const pod = pods.get(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    for (const volume of pod.spec?.volumes ?? []) {
      const claim = claimFor(pod, volume);
      if (claim === undefined) continue;
      const known = claims.get(objectKey(claim));
      if (known?.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid)) continue;
      const taken = `PVC ${objectKey(claim)} was not created for pod ${key} (pod is not owner)`;
      if (known) {
        events.record(pod, "Warning", "FailedCreate", `ephemeral volume ${volume.name}: ${taken}`);
        continue;
      }
      try {
        await claimClient.create(claim, { signal });
      } catch (error) {
        if (isAlreadyExists(error)) continue; // its arrival in the cache wakes us
        if (!isForbidden(error)) throw error;
        events.record(pod, "Warning", "FailedCreate", `ephemeral volume ${volume.name}: ${(error as Error).message}`);
        throw error;
      }
    }
  };

  const watches = [
    wakeOn(pods, (pod) => (pod.spec?.volumes?.some((volume) => volume.ephemeral) ? [objectKey(pod)] : [])),
    wakeOn(claims, ({ metadata }) =>
      (metadata.ownerReferences ?? [])
        .filter(({ kind }) => kind === "Pod")
        .map(({ name }) => `${metadata.namespace}/${name}`),
    ),
  ];
  return createLoop({ name: "ephemeral_volume", watches, reconcile }, ports);
}

/** Named by pod and volume, so that a second making is refused; undefined for volumes of other types. */
function claimFor(
  { metadata }: ReadonlyPod,
  { name, ephemeral }: DeepReadonly<Volume>,
): DeepReadonly<PersistentVolumeClaim> | undefined {
  const template = ephemeral?.volumeClaimTemplate;
  if (template === undefined) return undefined;
  const owner = {
    apiVersion: "v1",
    kind: "Pod",
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      namespace: metadata.namespace,
      name: `${metadata.name}-${name}`,
      ...(template.metadata?.labels && { labels: template.metadata.labels }),
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [owner],
    },
    spec: template.spec,
  };
}
