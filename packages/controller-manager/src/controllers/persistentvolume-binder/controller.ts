// Binds claims to volumes and says in both what has become of them. Making volumes is the work of provisioners, which it tells; the one for
// volumes on a node's own disk is `../local-volume`.
import { persistentVolumeClaims, persistentVolumes } from "@coxswain/api/core/v1";
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { classOf } from "./match.ts";
import type { Claim, Volume } from "./match.ts";
import { planClaim, planVolume } from "./plan.ts";

/** Somebody was first; the change wakes us too, but a cache may be behind. */
const againMs = 200;

export function createPersistentVolumeBinder(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const claims = informers.persistentVolumeClaims();
  const volumes = informers.persistentVolumes();
  const classes = informers.storageClasses();
  const claimClient = client.resource(persistentVolumeClaims);
  const volumeClient = client.resource(persistentVolumes);
  const events = ports.events("persistentvolume-controller");

  const reconcileClaim = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const claim = claims.get(key);
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
    const plan = planClaim({ claim, volumes: volumes.list(), classNamed: (name) => classes.get(name) });
    if (plan.event) events.record(claim, plan.event.type, plan.event.reason, plan.event.message);
    return written(async () => {
      if (plan.volume) await volumeClient.update(plan.volume as PersistentVolume, { signal });
      if (plan.claim?.part === "object")
        await claimClient.update(plan.claim.object as PersistentVolumeClaim, { signal });
      if (plan.claim?.part === "status")
        await claimClient.update(plan.claim.object as PersistentVolumeClaim, { subresource: "status", signal });
      if (plan.volume || plan.claim)
        log.info({ controller: "persistentvolume-binder", object: key, because: plan.because }, "a claim goes on");
    });
  };

  const reconcileVolume = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const volume = volumes.get(key);
    if (volume === undefined) return undefined;
    const plan = planVolume(volume, await claimOf(volume, signal), rfc3339(clock.now()));
    if (plan.part === "nothing") return undefined;
    return written(async () => {
      await volumeClient.update(plan.object as PersistentVolume, {
        ...(plan.part === "status" && { subresource: "status" }),
        signal,
      });
      log.info({ controller: "persistentvolume-binder", object: key, because: plan.because }, "a volume goes on");
    });
  };

  /** Asks the server before believing that a claim is gone: its volume may be deleted for it. */
  const claimOf = async ({ spec }: Volume, signal: AbortSignal): Promise<Claim | undefined> => {
    const { namespace = "", name = "", uid = "" } = spec?.claimRef ?? {};
    if (uid === "") return undefined;
    const known = claims.get(`${namespace}/${name}`);
    if (known?.metadata.uid === uid) return known;
    try {
      const found = (await claimClient.get({ namespace, name }, { signal })) as Claim;
      return found.metadata.uid === uid ? found : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const claimOfVolume = ({ spec }: Volume): readonly string[] =>
    spec?.claimRef ? [`${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`] : [];
  /** A volume that is free may be what claims of its class wait for. */
  const waitingFor = (volume: Volume): readonly string[] =>
    volume.spec?.claimRef
      ? claimOfVolume(volume)
      : claims
          .list()
          .filter((claim) => claim.status?.phase !== "Bound" && classOf(claim) === classOf(volume))
          .map(objectKey);

  const claimLoop = createLoop(
    {
      name: "claims",
      // One at a time: two claims must not choose one volume, and a refused write is the rarer way to find out.
      concurrency: 1,
      watches: [
        wakeOn(claims, (claim) => [objectKey(claim)]),
        wakeOn(volumes, waitingFor),
        wakeOn(classes, (storageClass) =>
          claims
            .list()
            .filter((claim) => claim.status?.phase !== "Bound" && classOf(claim) === storageClass.metadata.name)
            .map(objectKey),
        ),
      ],
      reconcile: reconcileClaim,
    },
    ports,
  );
  const volumeLoop = createLoop(
    {
      name: "volumes",
      watches: [
        wakeOn(volumes, (volume) => [objectKey(volume)]),
        wakeOn(claims, (claim) => [
          ...(claim.spec?.volumeName ? [claim.spec.volumeName] : []),
          ...volumes
            .list()
            .filter(({ spec }) => spec?.claimRef?.uid === claim.metadata.uid)
            .map(objectKey),
        ]),
      ],
      reconcile: reconcileVolume,
    },
    ports,
  );
  return { run: async (signal) => void (await Promise.all([claimLoop.run(signal), volumeLoop.run(signal)])) };
}

async function written(write: () => Promise<void>): Promise<ReconcileResult | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (isConflict(error)) return { wakeAfterMs: againMs };
    throw error;
  }
}
