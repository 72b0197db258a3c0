// VolumeRestrictions: a claim that one pod only may use is used by one pod only; disks that cannot be shared are not mounted
// twice on a node.
import { definePlugin, unfit } from "../plugin.ts";
import type { NodeState } from "../node-state.ts";
import type { PodView } from "../resources.ts";
import { claimsOf } from "../volumes/claims.ts";

interface Prepared {
  /** Claims of the pod that are ReadWriteOncePod, by key. */
  readonly exclusive: ReadonlySet<string>;
  /** Other pods that use them. */
  users: number;
  readonly disks: readonly Disk[];
}

interface Disk {
  readonly id: string;
  readonly readOnly: boolean;
}

const taken = unfit("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode");
const diskTaken = unfit("node(s) had no available disk");

export const volumeRestrictions = definePlugin<Prepared>({
  name: "VolumeRestrictions",
  scope: "pod",
  prepare(pod, { volumes }) {
    const exclusive = new Set<string>();
    let users = 0;
    for (const { key } of claimsOf(pod)) {
      if (volumes.claim(key)?.spec?.accessModes?.includes("ReadWriteOncePod") !== true) continue;
      exclusive.add(key);
      users += volumes.users(key);
    }
    return { exclusive, users, disks: disksOf(pod) };
  },
  track(prepared, _node, { pod }, sign) {
    if (prepared.exclusive.size > 0)
      for (const { key } of claimsOf(pod)) if (prepared.exclusive.has(key)) prepared.users += sign;
  },
  filters: ({ exclusive, disks }) => exclusive.size + disks.length > 0,
  filter(prepared, node) {
    if (clash(prepared.disks, node) !== undefined) return diskTaken;
    return prepared.users > 0 ? taken : undefined;
  },
  explain({ exclusive, disks }, node) {
    const disk = clash(disks, node);
    return disk === undefined
      ? `${[...exclusive].join(" and ")} may be used by one pod only, and is`
      : `disk ${disk.id} is mounted by another pod here`;
  },
  wakes: {
    "pod-gone": ({ pod: gone }, pod) =>
      disksOf(pod).length > 0 || claimsOf(gone).some(({ key }) => claimsOf(pod).some((own) => own.key === key)),
    "claim-changed": ({ object }, pod) => claimsOf(pod).some(({ name }) => name === object.metadata.name),
    "node-added": () => true,
  },
});

/** Disks that only readers may share. */
function disksOf(pod: PodView): readonly Disk[] {
  return (pod.spec?.volumes ?? []).flatMap(({ gcePersistentDisk: gce, awsElasticBlockStore: ebs, iscsi, rbd }) => {
    if (gce !== undefined) return [{ id: `gce/${gce.pdName}`, readOnly: gce.readOnly === true }];
    if (ebs !== undefined) return [{ id: `ebs/${ebs.volumeID}`, readOnly: false }];
    if (iscsi !== undefined) return [{ id: `iscsi/${iscsi.iqn}/${iscsi.lun}`, readOnly: iscsi.readOnly === true }];
    if (rbd === undefined) return [];
    const id = `rbd/${rbd.monitors.join(",")}/${rbd.pool ?? "rbd"}/${rbd.image}`;
    return [{ id, readOnly: rbd.readOnly === true }];
  });
}

function clash(wanted: readonly Disk[], node: NodeState): Disk | undefined {
  if (wanted.length === 0) return undefined;
  for (const { pod } of node.pods.values())
    for (const held of disksOf(pod)) {
      const disk = wanted.find(({ id, readOnly }) => id === held.id && !(readOnly && held.readOnly));
      if (disk !== undefined) return disk;
    }
  return undefined;
}
