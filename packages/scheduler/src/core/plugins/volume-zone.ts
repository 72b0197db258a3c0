// VolumeZone: volumes whose labels name a zone or region can only be used by pods there. (Newer volumes say the same by node
// affinity, which VolumeBinding reads.)
import { definePlugin, unsuitable } from "../plugin.ts";
import { sameLabels } from "../node-layout.ts";
import type { NodeState } from "../node-state.ts";
import { claimsOf } from "../volumes/claims.ts";

interface Place {
  readonly volume: string;
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

const keys = [
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
];
const rejection = unsuitable("node(s) had no available volume zone");

export const volumeZone = definePlugin<readonly Place[]>({
  name: "VolumeZone",
  scope: "pod",
  prepare: (pod, { volumes }) =>
    claimsOf(pod).flatMap(({ key: claimKey }) => {
      const volume = volumes.volume(volumes.claim(claimKey)?.spec?.volumeName ?? "");
      return keys.flatMap((key) => {
        const label = volume?.metadata.labels?.[key];
        return label === undefined
          ? []
          : [{ volume: volume?.metadata.name ?? "", key, values: new Set(label.split("__")) }];
      });
    }),
  filters: (places) => places.length > 0,
  filter: (places, node) => (misfit(places, node) === undefined ? undefined : rejection),
  explain: (places, node) => {
    const place = misfit(places, node);
    return `volume ${place?.volume} is in ${place?.key}=${[...(place?.values ?? [])].join(" or ")}, the node in ${node.labels[place?.key ?? ""] ?? "(no zone)"}`;
  },
  wakes: {
    "node-added": () => true,
    "node-updated": ({ old, node }) => !sameLabels(old, node),
    "claim-changed": ({ object }, pod) => claimsOf(pod).some(({ name }) => name === object.metadata.name),
    "volume-changed": () => true,
    "storage-class-changed": () => true,
  },
});

function misfit(places: readonly Place[], node: NodeState): Place | undefined {
  // A node that knows of no zones takes everything.
  if (!keys.some((key) => node.labels[key] !== undefined)) return undefined;
  return places.find(({ key, values }) => !values.has(valueOf(node, key)));
}

/** The older and the newer name of a label mean the same. */
function valueOf({ labels }: NodeState, key: string): string {
  const [zone, region, oldZone, oldRegion] = keys;
  const other = key === zone ? oldZone : key === region ? oldRegion : key === oldZone ? zone : region;
  return labels[key] ?? labels[other ?? ""] ?? "";
}
