// The nodes whose attachments may have to change, for each change.
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import type { SharedInformers } from "../../loop/informers.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export function attachDetachWatches(informers: SharedInformers): readonly Watch[] {
  const pods = informers.pods();
  const volumes = informers.persistentVolumes();
  const nodes = informers.nodes();
  const nodeOf = (pod: ReadonlyPod): readonly string[] =>
    claimsOf(pod).length > 0 && pod.spec?.nodeName ? [pod.spec.nodeName] : [];
  const usersOf = (namespace: string, claim: string): readonly string[] =>
    pods
      .byIndex("namespace", namespace)
      .filter((pod) => claimsOf(pod).includes(claim))
      .flatMap(nodeOf);
  const ofVolume = (name: string | undefined): readonly string[] => {
    const claim = name === undefined ? undefined : volumes.get(name)?.spec?.claimRef;
    return claim?.namespace && claim.name ? usersOf(claim.namespace, claim.name) : [];
  };
  return [
    wakeOn(pods, nodeOf),
    wakeOn(nodes, (node) => [node.metadata.name]),
    wakeOn(volumes, (volume) => ofVolume(volume.metadata.name)),
    wakeOn(informers.persistentVolumeClaims(), ({ metadata }) => usersOf(metadata.namespace ?? "", metadata.name)),
    wakeOn(informers.volumeAttachments(), ({ spec }) => [spec.nodeName, ...ofVolume(spec.source.persistentVolumeName)]),
    wakeOn(informers.csiDrivers(), () => nodes.list().map(({ metadata }) => metadata.name)),
  ];
}

/** Names of the claims that a pod has volumes of, those of its ephemeral volumes included. */
export function claimsOf(pod: ReadonlyPod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${pod.metadata.name}-${name}`] : [];
  });
}
