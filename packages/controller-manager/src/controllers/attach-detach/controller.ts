// Asks for CSI volumes to be attached to the nodes of the pods that use them, and to be detached when they do no more. Volumes of other kinds
// need no attaching here.
import { nodes as nodeResource } from "@coxswain/api/core/v1";
import { volumeAttachments } from "@coxswain/api/storage/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isNotFound } from "@coxswain/client";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { isFinished } from "../../pods/state.ts";
import { attachmentName, planAttachments } from "./plan.ts";
import type { ReadonlyAttachment, ReadonlyVolume } from "./plan.ts";
import { attachDetachWatches, claimsOf } from "./watches.ts";

export function createAttachDetachController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const pods = informers.pods();
  const nodes = informers.nodes();
  const claims = informers.persistentVolumeClaims();
  const volumes = informers.persistentVolumes();
  const attachments = informers.volumeAttachments();
  const drivers = informers.csiDrivers();
  const attachmentClient = client.resource(volumeAttachments);
  const writes = createOwnWrites(attachments);
  const events = ports.events("attachdetach-controller");
  /** By attachment: since when nobody has wanted it. Lost with the process, which only makes us wait longer. */
  const unwantedSince = new Map<string, number>();

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    if (!writes.areSeen(key)) return; // what is not seen yet will wake us
    const { wanted, users } = wantedOn(key);
    const plan = planAttachments({
      nodeName: key,
      node: nodes.get(key),
      wanted,
      attachments: attachments.list(),
      volumeOf: ({ spec }) => volumes.get(spec.source.persistentVolumeName ?? ""),
      unwantedForMs,
    });
    const names = new Set(wanted.map((volume) => attachmentName(volume, key)));
    for (const name of unwantedSince.keys())
      if (names.has(name) || attachments.get(name) === undefined) unwantedSince.delete(name);
    for (const { volume, by } of plan.taken) {
      const message = `Multi-Attach error for volume "${volume.metadata.name}" Volume is already exclusively attached to node ${by} and can't be attached to another`;
      for (const pod of users.get(volume) ?? []) events.record(pod, "Warning", "FailedAttachVolume", message);
    }
    for (const volume of plan.attach) await attach(key, volume, signal);
    for (const attachment of plan.detach) await detach(key, attachment, signal);
    if (plan.volumesAttached !== undefined) {
      const patch = { status: { volumesAttached: plan.volumesAttached } };
      await client.resource(nodeResource).patch({ name: key }, patch, { type: "merge", subresource: "status", signal });
    }
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const wantedOn = (node: string) => {
    const users = new Map<ReadonlyVolume, DeepReadonly<ReturnType<typeof pods.list>[number]>[]>();
    for (const pod of pods.byIndex("node", node)) {
      if (isFinished(pod)) continue;
      for (const name of claimsOf(pod)) {
        const claim = claims.get(`${pod.metadata.namespace}/${name}`);
        const volume = claim?.status?.phase === "Bound" ? volumes.get(claim.spec?.volumeName ?? "") : undefined;
        const driver = volume?.spec?.csi?.driver;
        if (volume === undefined || driver === undefined || drivers.get(driver)?.spec.attachRequired === false)
          continue;
        users.set(volume, [...(users.get(volume) ?? []), pod]);
      }
    }
    return { wanted: [...users.keys()], users };
  };

  const unwantedForMs = ({ metadata: { name } }: ReadonlyAttachment): number => {
    const since = unwantedSince.get(name) ?? clock.monotonic();
    unwantedSince.set(name, since);
    return clock.monotonic() - since;
  };

  const attach = async (node: string, volume: ReadonlyVolume, signal: AbortSignal): Promise<void> => {
    log.info({ controller: "attachdetach", object: node, volume: volume.metadata.name }, "attaching a volume");
    const spec = {
      attacher: volume.spec?.csi?.driver ?? "",
      nodeName: node,
      source: { persistentVolumeName: volume.metadata.name },
    };
    try {
      const made = await attachmentClient.create(
        {
          apiVersion: "storage.k8s.io/v1",
          kind: "VolumeAttachment",
          metadata: { name: attachmentName(volume, node) },
          spec,
        },
        { signal },
      );
      writes.wrote(node, made as ReadonlyAttachment);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error; // made before an answer was lost, or on its way out: its change wakes us
    }
  };

  const detach = async (node: string, attachment: ReadonlyAttachment, signal: AbortSignal): Promise<void> => {
    const { name, uid } = attachment.metadata;
    log.info({ controller: "attachdetach", object: node, attachment: name }, "detaching a volume");
    try {
      await attachmentClient.delete({ name }, { preconditions: { uid: uid ?? "" }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    writes.deleted(node, attachment);
  };

  return createLoop({ name: "attach_detach", watches: attachDetachWatches(informers), reconcile }, ports);
}
