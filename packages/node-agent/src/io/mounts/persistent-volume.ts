// Volumes that outlive pods: a claim leads to its volume, and that to a directory of this machine. What the pod's own directory holds is a
// link to it, so that after a restart the place is known without asking anybody.
import { chmod, chown, lstat, mkdir, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NFSVolumeSource, PersistentVolume, Pod, Volume } from "@coxswain/api/core/v1";
import { AgentError } from "../../errors.ts";
import type { PodApi } from "../../ports.ts";
import { runTool } from "../net/tool.ts";
import { ensureHostPath } from "./host-path.ts";
import { mountsBelow } from "./mount-table.ts";

const provisionedBy = "pv.kubernetes.io/provisioned-by";
const ownProvisioner = "coxswain.io/local";

/** The claim behind a pod's volume; undefined for volumes of other types. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined;
}

export interface PersistentVolumes {
  /** Makes `link` lead to the claim's directory. Throws AgentError as long as there is none. */
  prepare(pod: Pod, volume: Volume, claimName: string, link: string, signal?: AbortSignal): Promise<void>;
}

export function createPersistentVolumes(
  config: {
    /** Where volumes of the built-in provisioner are; others are never made here. */
    readonly localVolumeDirectory: string;
  },
  { api }: { readonly api: Pick<PodApi, "claim" | "volume"> },
): PersistentVolumes {
  return {
    async prepare(pod, volume, claimName, link, signal) {
      const namespace = pod.metadata.namespace ?? "";
      const claim = await api.claim(namespace, claimName, signal);
      if (!claim) throw new AgentError("volume", `persistentvolumeclaim ${JSON.stringify(claimName)} not found`);
      if (volume.ephemeral && !claim.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid))
        throw new AgentError(
          "volume",
          `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
        );
      const name = claim.spec?.volumeName ?? "";
      if (claim.status?.phase !== "Bound" || name === "")
        throw new AgentError("volume", `error processing PVC ${namespace}/${claimName}: PVC is not bound`);
      const found = await api.volume(name, signal);
      if (found === undefined || found.spec?.claimRef?.uid !== claim.metadata.uid)
        throw new AgentError(
          "volume",
          `error processing PVC ${namespace}/${claimName}: volume ${name} is bound to another claim`,
        );
      const place = await placeOf(found, link, config.localVolumeDirectory);
      await give(place, found, pod.spec?.securityContext?.fsGroup);
      await lead(link, place);
    },
  };
}

/** The volume's directory on this machine, made or mounted where that is ours to do. */
async function placeOf({ metadata, spec }: PersistentVolume, link: string, ownDirectory: string): Promise<string> {
  if (spec?.hostPath) {
    await ensureHostPath(spec.hostPath.path, spec.hostPath.type ?? "");
    return spec.hostPath.path;
  }
  if (spec?.local) {
    const { path } = spec.local;
    if (metadata.annotations?.[provisionedBy] === ownProvisioner && dirname(path) === ownDirectory)
      await mkdir(path, { recursive: true, mode: 0o777 });
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw new AgentError("volume", `path ${JSON.stringify(path)} does not exist`);
    return path;
  }
  if (spec?.nfs) {
    const point = `${link}.nfs`;
    await mountNfs(point, spec.nfs, spec.mountOptions ?? []);
    return point;
  }
  throw new AgentError("volume", `no volume plugin matched the type of volume ${JSON.stringify(metadata.name)}`);
}

/** Does nothing when it is mounted already. A machine without the tools of NFS says so. */
export async function mountNfs(point: string, from: NFSVolumeSource, mountOptions: readonly string[]): Promise<void> {
  await mkdir(point, { recursive: true });
  if ((await mountsBelow(point)).includes(point)) return;
  const options = [...mountOptions, ...(from.readOnly === true ? ["ro"] : [])];
  const words = options.length > 0 ? ["-o", options.join(",")] : [];
  // A path is no option, whatever it begins with.
  await runTool("mount", ["-t", "nfs", ...words, "--", `${from.server}:${from.path}`, point]);
}

/** Others than root must be able to write: all of them, or those of the pod's group. */
async function give(path: string, { metadata, spec }: PersistentVolume, group: number | undefined): Promise<void> {
  if (spec?.hostPath) return; // The machine's own, as the kubelet leaves it.
  if (group !== undefined && (await stat(path)).gid !== group) await giveAll(path, group);
  else if (group === undefined && metadata.annotations?.[provisionedBy] === ownProvisioner) await chmod(path, 0o777);
}

async function giveAll(path: string, group: number): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  await chown(path, found.uid, group);
  // After the owner: changing that clears bits. New files below a directory belong to the group, too.
  await chmod(path, (found.mode & 0o7777) | (found.isDirectory() ? 0o2770 : 0o660));
  if (found.isDirectory()) for (const name of await readdir(path)) await giveAll(join(path, name), group);
}

async function lead(link: string, place: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true });
  const known = await readlink(link).catch(() => undefined);
  if (known === place) return;
  if (known !== undefined) await rm(link);
  await symlink(place, link);
}

const volumeName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Removes what a volume of the built-in provisioner held. Nothing happens when it is gone already. */
export async function removeLocalVolume(directory: string, name: string): Promise<void> {
  if (!volumeName.test(name) || name.includes(".."))
    throw new AgentError("volume", `not the name of a volume: ${JSON.stringify(name)}`);
  await rm(join(directory, name), { recursive: true, force: true });
}
