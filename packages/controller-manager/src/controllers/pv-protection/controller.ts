// Lets a deleted volume go when no claim holds it any more, and puts its finalizer on volumes that came without it.
import { persistentVolumes } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { withFinalizer, withoutFinalizer } from "../../ownership/finalizers.ts";

const finalizer = "kubernetes.io/pv-protection";

export function createPvProtectionController(ports: ControllerPorts): Controller {
  const { client, informers, log } = ports;
  const volumes = informers.persistentVolumes();
  const volumeClient = client.resource(persistentVolumes);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const volume = volumes.get(key);
    if (volume === undefined) return;
    if (volume.metadata.deletionTimestamp === undefined) {
      const held = withFinalizer(volume, finalizer);
      if (held !== volume) await volumeClient.update(held, { signal });
      return;
    }
    const free = withoutFinalizer(volume, finalizer);
    if (free === volume || volume.status?.phase === "Bound") return;
    await volumeClient.update(free, { signal });
    log.info({ controller: "pv-protection", object: key, because: "no claim holds it" }, "letting a volume go");
  };

  return createLoop({ name: "PV", watches: [wakeOn(volumes, (volume) => [objectKey(volume)])], reconcile }, ports);
}
