// NodeVolumeLimits: a node's CSI driver can attach so many volumes and no more (CSINode). A volume that several pods share
// counts once; attachments that no known pod explains count as well.
import { definePlugin, unfit } from "../plugin.ts";
import type { NodeState } from "../node-state.ts";
import type { PodView } from "../resources.ts";
import { classOf } from "../volumes/binding.ts";
import type { VolumeCatalog } from "../volumes/catalog.ts";
import { claimsOf } from "../volumes/claims.ts";

interface Prepared {
  readonly catalog: VolumeCatalog;
  /** Volume to driver. */
  readonly wanted: ReadonlyMap<string, string>;
}

const rejection = unfit("node(s) exceed max volume count");

export const nodeVolumeLimits = definePlugin<Prepared>({
  name: "NodeVolumeLimits",
  scope: "pod",
  prepare: (pod, { volumes: catalog }) => ({ catalog, wanted: volumesOf(pod, catalog) }),
  filters: ({ wanted }) => wanted.size > 0,
  filter: (prepared, node) => (excess(prepared, node) === undefined ? undefined : rejection),
  explain: (prepared, node) => {
    const found = excess(prepared, node);
    return `driver ${found?.driver}: ${found?.used} volumes are attached, ${found?.wanted} more are wanted, the limit is ${found?.limit}`;
  },
  wakes: {
    "csi-node-changed": () => true,
    "pod-gone": ({ pod: gone }) => claimsOf(gone).length > 0,
    "claim-changed": ({ object }, pod) => claimsOf(pod).some(({ name }) => name === object.metadata.name),
    "attachment-gone": () => true,
    "node-added": () => true,
  },
});

function excess(
  { catalog, wanted }: Prepared,
  node: NodeState,
): { readonly driver: string; readonly limit: number; readonly used: number; readonly wanted: number } | undefined {
  const drivers = catalog.csiNode(node.name)?.spec.drivers ?? [];
  if (!drivers.some(({ allocatable }) => allocatable?.count !== undefined)) return undefined;
  const attached = new Map<string, string>();
  for (const { pod } of node.pods.values())
    for (const [volume, driver] of volumesOf(pod, catalog)) attached.set(volume, driver);
  for (const { spec } of catalog.attachmentsOn(node.name)) {
    const handle = catalog.volume(spec.source.persistentVolumeName ?? "")?.spec?.csi?.volumeHandle;
    if (handle !== undefined) attached.set(`${spec.attacher}/${handle}`, spec.attacher);
  }
  for (const { name: driver, allocatable } of drivers) {
    const limit = allocatable?.count;
    if (limit === undefined) continue;
    const used = [...attached.values()].filter((one) => one === driver).length;
    const fresh = [...wanted].filter(([volume, one]) => one === driver && !attached.has(volume)).length;
    if (fresh > 0 && used + fresh > limit) return { driver, limit, used, wanted: fresh };
  }
  return undefined;
}

function volumesOf(pod: PodView, catalog: VolumeCatalog): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { key } of claimsOf(pod)) {
    const claim = catalog.claim(key);
    if (claim === undefined) continue;
    const csi = catalog.volume(claim.spec?.volumeName ?? "")?.spec?.csi;
    // A claim without a volume will get one of its class's driver.
    const driver = csi?.driver ?? catalog.storageClass(classOf(claim))?.provisioner;
    if (driver !== undefined)
      found.set(csi === undefined ? `${driver}/${key}` : `${driver}/${csi.volumeHandle}`, driver);
  }
  return found;
}
