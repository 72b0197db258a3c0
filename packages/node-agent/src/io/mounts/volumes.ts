// The volumes of pods as directories of this machine. Layout below the root directory as the kubelet's:
// pods/<uid>/volumes/<plugin>/<name>. Nothing is remembered but tokens and when they are due.
import { chmod, chown, mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigMap, Pod, Secret, Volume } from "@coxswain/api/core/v1";
import type { Clock, Random } from "@coxswain/clock";
import type { Mount } from "@coxswain/container-runtime";
import { amountOf } from "../../core/container/amount.ts";
import { volumePageSize } from "../../core/container/huge-pages.ts";
import type { SelfView } from "../../core/container/field-ref.ts";
import { payloadReferences, projectionsOf, tokenKey, volumePayload } from "../../core/volume/payload.ts";
import type { TokenReference } from "../../core/volume/payload.ts";
import { subPathParts } from "../../core/volume/subpath.ts";
import { AgentError, messageOf } from "../../errors.ts";
import type { PodApi, Volumes } from "../../ports.ts";
import { hasPayload, writePayload } from "./atomic-writer.ts";
import { readEnvFile } from "./env-file.ts";
import { ensureHostPath } from "./host-path.ts";
import { mountHugePages, mountTmpfs, mountsBelow, unmount } from "./mount-table.ts";
import { claimNameOf, createPersistentVolumes, mountNfs } from "./persistent-volume.ts";
import { resolveSubPath } from "./subpath.ts";

interface HeldToken {
  readonly token: string;
  readonly renewAtMs: number;
}

export function createVolumes(
  config: { readonly rootDirectory: string; readonly localVolumeDirectory: string },
  ports: { readonly clock: Clock; readonly random: Random; readonly api: PodApi },
): Volumes {
  const { clock, random, api } = ports;
  const pods = join(config.rootDirectory, "pods");
  const persistent = createPersistentVolumes(config, ports);
  const tokens = new Map<string, HeldToken>();
  const directoryOf = (pod: Pod): string => join(pods, pod.metadata?.uid ?? "");
  const pathOf = (pod: Pod, volume: Volume): string =>
    volume.hostPath?.path ?? join(directoryOf(pod), "volumes", pluginOf(volume), volume.name);

  const tokenFor = async (pod: Pod, request: TokenReference, signal?: AbortSignal): Promise<string> => {
    const key = `${pod.metadata?.uid ?? ""} ${tokenKey(request)}`;
    const held = tokens.get(key);
    if (held && clock.now() < held.renewAtMs) return held.token;
    const { token, expiresAtMs } = await api.token(pod, request, signal);
    // Renewed after four fifths of its life, or a day, as by the kubelet.
    tokens.set(key, { token, renewAtMs: clock.now() + Math.min(0.8 * (expiresAtMs - clock.now()), 86_400_000) });
    return token;
  };

  const writeFiles = async (self: SelfView, volume: Volume, signal?: AbortSignal): Promise<void> => {
    const { pod } = self;
    const namespace = pod.metadata?.namespace ?? "";
    const references = payloadReferences(volume);
    const configMaps = new Map<string, ConfigMap>();
    const secrets = new Map<string, Secret>();
    const held = new Map<string, string>();
    await Promise.all([
      ...references.configMaps.map(async (name) =>
        setIfThere(configMaps, name, await api.configMap(namespace, name, signal)),
      ),
      ...references.secrets.map(async (name) => setIfThere(secrets, name, await api.secret(namespace, name, signal))),
      ...references.tokens.map(async (request) => held.set(tokenKey(request), await tokenFor(pod, request, signal))),
    ]);
    const result = volumePayload(volume, self, { configMaps, secrets, tokens: held });
    if ("error" in result) throw new AgentError("volume", result.error);
    const stamp = `${clock.now()}.${random.suffix(6)}`;
    await writePayload(pathOf(pod, volume), result.payload, stamp, pod.spec?.securityContext?.fsGroup);
  };

  const prepareOne = async (self: SelfView, volume: Volume, signal?: AbortSignal): Promise<void> => {
    const { pod } = self;
    const path = pathOf(pod, volume);
    if (volume.hostPath) return ensureHostPath(path, volume.hostPath.type ?? "");
    if (volume.emptyDir) return prepareEmptyDir(path, volume, pod);
    if (volume.nfs) return mountNfs(path, volume.nfs, []);
    const claimName = claimNameOf(pod, volume);
    if (claimName !== undefined) {
      try {
        return await persistent.prepare(pod, volume, claimName, path, signal);
      } catch (error) {
        // As below: the link that was made before still leads there.
        if (!(error instanceof AgentError) && (await isThere(path))) return;
        throw error;
      }
    }
    if (projectionsOf(volume)) {
      try {
        return await writeFiles(self, volume, signal);
      } catch (error) {
        // After a restart of the agent the API may be away; what was written before still serves.
        if (await hasPayload(path)) return;
        throw error;
      }
    }
    throw new AgentError("volume", `no volume plugin matched the volume type of ${JSON.stringify(volume.name)}`);
  };

  const forEach = async (self: SelfView, work: (volume: Volume) => Promise<void>): Promise<void> => {
    await Promise.all(
      (self.pod.spec?.volumes ?? []).map((volume) =>
        work(volume).catch((error: unknown) => {
          throw new AgentError(
            "volume",
            `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${messageOf(error)}`,
            error,
          );
        }),
      ),
    );
  };

  return {
    async prepare(self, signal) {
      await mkdir(directoryOf(self.pod), { recursive: true, mode: 0o750 });
      await forEach(self, (volume) => prepareOne(self, volume, signal));
    },
    refresh: (self, signal) =>
      forEach(self, async (volume) => (projectionsOf(volume) ? writeFiles(self, volume, signal) : undefined)),

    async mountsOf(pod, container, variables) {
      const mounts: Mount[] = [];
      for (const mount of container.volumeMounts ?? []) {
        const volume = (pod.spec?.volumes ?? []).find((candidate) => candidate.name === mount.name);
        if (!volume)
          throw new AgentError(
            "volume",
            `volume ${JSON.stringify(mount.name)} of container ${container.name} is not among the pod's`,
          );
        const sub = subPathParts(mount, variables);
        if ("error" in sub) throw new AgentError("volume", sub.error);
        const propagation =
          mount.mountPropagation === "Bidirectional"
            ? "bidirectional"
            : mount.mountPropagation === "HostToContainer"
              ? "hostToContainer"
              : "private";
        const hostPath =
          sub.parts.length > 0
            ? await resolveSubPath(pathOf(pod, volume), sub.parts)
            : claimNameOf(pod, volume) === undefined
              ? pathOf(pod, volume)
              : await realpath(pathOf(pod, volume));
        const isReadOnlyVolume =
          projectionsOf(volume) !== undefined ||
          volume.persistentVolumeClaim?.readOnly === true ||
          volume.nfs?.readOnly === true;
        const readOnly = (mount.readOnly ?? false) || isReadOnlyVolume;
        mounts.push({ hostPath, containerPath: mount.mountPath, readOnly, propagation });
      }
      return mounts;
    },

    async envFile(pod, volumeName, path) {
      const volume = (pod.spec?.volumes ?? []).find(({ name, emptyDir }) => name === volumeName && emptyDir);
      return volume && readEnvFile(pathOf(pod, volume), path);
    },
    async podDirectory(pod) {
      await mkdir(directoryOf(pod), { recursive: true, mode: 0o750 });
      return directoryOf(pod);
    },
    async remove(podUid) {
      if (podUid === "" || podUid.includes("/")) return;
      const directory = join(pods, podUid);
      for (const point of await mountsBelow(directory)) await unmount(point);
      await rm(directory, { recursive: true, force: true });
      for (const key of tokens.keys()) if (key.startsWith(`${podUid} `)) tokens.delete(key);
    },
    podUids: () => readdir(pods).catch(() => []),
  };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function prepareEmptyDir(path: string, volume: Volume, pod: Pod): Promise<void> {
  await mkdir(path, { recursive: true });
  const { medium = "", sizeLimit } = volume.emptyDir ?? {};
  const pages = volumePageSize(medium, pod);
  if (pages && "error" in pages) throw new AgentError("volume", pages.error);
  if ((pages || medium === "Memory") && !(await mountsBelow(path)).includes(path))
    await (pages ? mountHugePages(path, pages.size) : mountTmpfs(path, amountOf(sizeLimit)));
  const group = pod.spec?.securityContext?.fsGroup;
  if (group !== undefined) await chown(path, 0, group);
  await chmod(path, group === undefined ? 0o777 : 0o2777);
}

function pluginOf(volume: Volume): string {
  const plugin =
    volume.persistentVolumeClaim || volume.ephemeral
      ? "persistent-volume"
      : volume.nfs
        ? "nfs"
        : volume.emptyDir
          ? "empty-dir"
          : volume.configMap
            ? "configmap"
            : volume.secret
              ? "secret"
              : volume.downwardAPI
                ? "downward-api"
                : "projected";
  return `kubernetes.io~${plugin}`;
}

function setIfThere<T>(map: Map<string, T>, name: string, object: T | undefined): void {
  if (object !== undefined) map.set(name, object);
}
