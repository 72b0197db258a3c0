// Holds a class of volume attributes while a claim or a volume names it, and lets a deleted one go when none does.
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { persistentVolumeClaims, persistentVolumes } from "@coxswain/api/core/v1";
import { volumeAttributesClasses } from "@coxswain/api/storage/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { withFinalizer, withoutFinalizer } from "../../ownership/finalizers.ts";

const finalizer = "kubernetes.io/vac-protection";

/** The classes a claim asks for, has, or is on its way to; or the one of a volume. */
function classesOf(object: DeepReadonly<PersistentVolumeClaim> | DeepReadonly<PersistentVolume>): readonly string[] {
  const names =
    object.kind === "PersistentVolume"
      ? [object.spec?.volumeAttributesClassName]
      : [
          object.spec?.volumeAttributesClassName,
          object.status?.currentVolumeAttributesClassName,
          object.status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
        ];
  return names.filter((name): name is string => name !== undefined && name !== "");
}

export function createVacProtectionController(ports: ControllerPorts): Controller {
  const { client, informers, log } = ports;
  const classes = informers.volumeAttributesClasses();
  const claims = informers.persistentVolumeClaims();
  const volumes = informers.persistentVolumes();
  const classClient = client.resource(volumeAttributesClasses);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const found = classes.get(key);
    if (found === undefined) return;
    if (found.metadata.deletionTimestamp === undefined) {
      const held = withFinalizer(found, finalizer);
      if (held !== found) await classClient.update(held, { signal });
      return;
    }
    const free = withoutFinalizer(found, finalizer);
    const names = (one: Parameters<typeof classesOf>[0]): boolean => classesOf(one).includes(key);
    if (free === found || claims.list().some(names) || volumes.list().some(names)) return;
    // The caches may not know one that has just come; what is let go cannot be taken back.
    const fresh = await Promise.all([
      client.resource(persistentVolumeClaims).list({ signal }),
      client.resource(persistentVolumes).list({ signal }),
    ]);
    if (fresh[0].items.some(names) || fresh[1].items.some(names)) return;
    await classClient.update(free, { signal });
    log.info({ controller: "vac-protection", object: key, because: "nobody names it" }, "letting a class go");
  };

  const watches = [wakeOn(classes, (one) => [objectKey(one)]), wakeOn(claims, classesOf), wakeOn(volumes, classesOf)];
  return createLoop({ name: "VAC", watches, reconcile }, ports);
}
