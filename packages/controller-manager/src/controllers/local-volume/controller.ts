// The built-in provisioner `coxswain.io/local`: makes volumes for claims of its classes on the node that the scheduler has chosen, grows
// them, and has the node's agent remove their directories when they are released. What a CSI driver's sidecars do elsewhere.
import { persistentVolumeClaims, persistentVolumes } from "@coxswain/api/core/v1";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isConflict, isNotFound } from "@coxswain/client";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { classOf } from "../persistentvolume-binder/match.ts";
import type { Claim, Volume } from "../persistentvolume-binder/match.ts";
import { selectedNode } from "../persistentvolume-binder/plan.ts";
import { grown, hostOf, impossible, mayGo, provisioner, volumeFor, waitsForUs } from "./plan.ts";

/** An agent that cannot be reached is asked again. */
const againMs = 5_000;

export function createLocalVolumeController(
  ports: ControllerPorts,
  config: { readonly directory: string },
): Controller {
  const { client, informers, log } = ports;
  const claims = informers.persistentVolumeClaims();
  const volumes = informers.persistentVolumes();
  const classes = informers.storageClasses();
  const nodes = informers.nodes();
  const claimClient = client.resource(persistentVolumeClaims);
  const volumeClient = client.resource(persistentVolumes);
  const events = ports.events(provisioner);

  const reconcileClaim = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const claim = claims.get(key);
    if (claim === undefined) return undefined;
    if (!waitsForUs(claim)) return grow(claim, signal);
    const storageClass = classes.get(classOf(claim));
    if (storageClass?.provisioner !== provisioner) return undefined;
    const problem = impossible(claim);
    if (problem !== undefined) {
      events.record(claim, "Warning", "ProvisioningFailed", problem);
      return undefined;
    }
    const node = nodeFor(claim);
    if (node === undefined) {
      events.record(claim, "Warning", "ProvisioningFailed", "no node is ready to have the volume");
      return { wakeAfterMs: againMs };
    }
    const volume = volumeFor(claim, storageClass, node, config.directory);
    try {
      await volumeClient.create(volume, { signal });
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      throw error;
    }
    const { name } = volume.metadata;
    log.info({ controller: "local-volume", object: key, volume: name, because: "the claim waits for it" }, "making");
    events.record(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
    return undefined;
  };

  /** The scheduler's choice; for a class that does not wait for it, any node that is ready. */
  const nodeFor = (claim: Claim): DeepReadonly<Node> | undefined => {
    const chosen = claim.metadata.annotations?.[selectedNode];
    if (chosen !== undefined) return nodes.get(chosen);
    const ready = nodes.list().filter(({ spec, status }) => {
      const condition = status?.conditions?.find(({ type }) => type === "Ready");
      return condition?.status === "True" && spec?.unschedulable !== true;
    });
    return ready[ports.random.int(Math.max(1, ready.length))];
  };

  /** Volume first, then what the claim says it has: a kill in between is mended by the second look. */
  const grow = async (claim: Claim, signal: AbortSignal): Promise<ReconcileResult | undefined> => {
    const volume = volumes.get(claim.spec?.volumeName ?? "");
    if (volume === undefined || claim.status?.phase !== "Bound") return undefined;
    try {
      const size = grown(claim, volume);
      if (size !== undefined) {
        const spec = { ...volume.spec, capacity: { ...volume.spec?.capacity, storage: size } };
        await volumeClient.update({ ...volume, spec } as PersistentVolume, { signal });
        return undefined; // the change wakes us
      }
      const has = volume.spec?.capacity?.["storage"];
      if (!hostOf(volume) || has === undefined || claim.status.capacity?.["storage"] === has) return undefined;
      if (!isGrowth(claim)) return undefined;
      const status = { ...claim.status, capacity: { ...claim.status.capacity, storage: has } };
      await claimClient.update({ ...claim, status } as PersistentVolumeClaim, { subresource: "status", signal });
      events.record(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
      return undefined;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return { wakeAfterMs: againMs };
      throw error;
    }
  };

  const isGrowth = (claim: Claim): boolean => classes.get(classOf(claim))?.provisioner === provisioner;

  const reconcileVolume = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const volume = volumes.get(key);
    if (volume === undefined || !mayGo(volume)) return undefined;
    const node = nodes.list().find(({ metadata }) => metadata.labels?.["kubernetes.io/hostname"] === hostOf(volume));
    const failure = node && (await removeDirectory(node.metadata.name, volume, signal));
    if (failure !== undefined) {
      events.record(volume, "Warning", "VolumeFailedDelete", failure);
      return { wakeAfterMs: againMs };
    }
    const because = node ? "nobody holds it" : "nobody holds it and its node is gone";
    await volumeClient
      .delete({ name: key }, { preconditions: { uid: volume.metadata.uid ?? "" }, signal })
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another one of that name
      });
    log.info({ controller: "local-volume", object: key, because }, "a volume is removed");
    return undefined;
  };

  /** Why the agent did not remove it; undefined when the directory is gone. */
  const removeDirectory = async (node: string, volume: Volume, signal: AbortSignal): Promise<string | undefined> => {
    const path = `/api/v1/nodes/${node}/proxy/localVolumes/${volume.metadata.name}`;
    const answer = await client.request({ method: "DELETE", path, signal });
    return answer.status < 300
      ? undefined
      : `node ${node} did not remove the directory: ${answer.text().slice(0, 200)}`;
  };

  const claimLoop = createLoop(
    {
      name: "local_volume_claims",
      watches: [
        wakeOn(claims, (claim) => [objectKey(claim)]),
        wakeOn(volumes, ({ spec }) => (spec?.claimRef ? [`${spec.claimRef.namespace}/${spec.claimRef.name}`] : [])),
        wakeOn(classes, () => claims.list().filter(waitsForUs).map(objectKey)),
        wakeOn(nodes, () => []),
      ],
      reconcile: reconcileClaim,
    },
    ports,
  );
  const volumeLoop = createLoop(
    {
      name: "local_volumes",
      watches: [wakeOn(volumes, (volume) => [objectKey(volume)]), wakeOn(nodes, () => [])],
      reconcile: reconcileVolume,
    },
    ports,
  );
  return { run: async (signal) => void (await Promise.all([claimLoop.run(signal), volumeLoop.run(signal)])) };
}
