// Lets a deleted claim go when no pod uses it any more, and puts its finalizer on claims that came without it.
import { persistentVolumeClaims, pods as podResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { withFinalizer, withoutFinalizer } from "../../ownership/finalizers.ts";
import { claimFinalizer, claimsOf, isUsed } from "./plan.ts";

export function createPvcProtectionController(ports: ControllerPorts): Controller {
  const { client, informers, log } = ports;
  const claims = informers.persistentVolumeClaims();
  const pods = informers.pods();
  const claimClient = client.resource(persistentVolumeClaims);
  const podClient = client.resource(podResource);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const claim = claims.get(key);
    if (claim === undefined) return;
    const { namespace = "", deletionTimestamp } = claim.metadata;
    if (deletionTimestamp === undefined) {
      const held = withFinalizer(claim, claimFinalizer);
      if (held !== claim) await claimClient.update(held, { signal });
      return;
    }
    const free = withoutFinalizer(claim, claimFinalizer);
    if (free === claim || isUsed(claim, pods.byIndex("namespace", namespace))) return;
    // The cache may not know a pod that has just come; what is let go cannot be taken back.
    if (isUsed(claim, (await podClient.list({ namespace, signal })).items)) return;
    await claimClient.update(free, { signal });
    log.info({ controller: "pvc-protection", object: key, because: "no pod uses it" }, "letting a claim go");
  };

  const watches = [
    wakeOn(claims, (claim) => [objectKey(claim)]),
    wakeOn(pods, (pod) => claimsOf(pod).map((claim) => `${pod.metadata.namespace}/${claim}`)),
  ];
  return createLoop({ name: "PVC", watches, reconcile }, ports);
}
