// The runtime door over a Docker Engine. Sandboxes are pause containers, as the kubelet's dockershim had them. It
// remembers nothing about containers: every answer is read from the engine.
import { readFile } from "node:fs/promises";
import type { Clock } from "@coxswain/clock";
import { marks } from "../marks.ts";
import { RuntimeError } from "../errors.ts";
import type {
  ContainerRuntime,
  ContainerSecurity,
  ContainerStats,
  ContainerSummary,
  RuntimeVersion,
} from "../runtime.ts";
import { containerOptions, resourceOptions, sandboxOptions } from "./create-options.ts";
import { ask, askIfPresent, connectEngine, ping } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { watchEvents } from "./events.ts";
import { imageStatus, listImages, pullImage, removeImage } from "./images.ts";
import { inspectionOf, summaryOf } from "./inspection.ts";
import { readLogs } from "./logs.ts";
import { attachTo, execIn } from "./streams.ts";

export interface DockerRuntimeConfig {
  readonly socketPath: string;
  /** The value of our mark; containers with another are somebody else's. */
  readonly cluster: string;
}

export function createDockerRuntime(
  config: DockerRuntimeConfig,
  ports: { readonly clock: Clock },
): ContainerRuntime & { close(): void } {
  const engine = connectEngine(config.socketPath);
  const mark = { [marks.cluster]: config.cluster };
  const listOurs = (label: readonly string[]) => listMarked(engine, [`${marks.cluster}=${config.cluster}`, ...label]);

  return {
    version: (signal) => readVersion(engine, signal),
    ready: (signal) => ping(engine, signal),

    async runPodSandbox(sandbox, signal) {
      const options = sandboxOptions({ ...sandbox, labels: { ...sandbox.labels, ...mark, [marks.kind]: "sandbox" } });
      const container = await ask(engine.short.createContainer(options), "failed", signal);
      await ask(container.start(), "start-failed", signal);
      return container.id;
    },
    async stopPodSandbox(sandboxId, signal) {
      const members = await sandboxMembers(listOurs, engine, sandboxId);
      await Promise.all(
        members.map((member) => ifRunning(ask(engine.short.getContainer(member.id).stop({ t: 0 }), "failed", signal))),
      );
      await ifRunning(ask(engine.short.getContainer(sandboxId).stop({ t: 0 }), "failed", signal));
    },
    async removePodSandbox(sandboxId, signal) {
      const members = await sandboxMembers(listOurs, engine, sandboxId);
      await Promise.all(members.map((member) => removeById(engine, member.id, signal)));
      await removeById(engine, sandboxId, signal);
    },

    async createContainer(sandboxId, container, signal) {
      const sandbox = await ask(engine.short.getContainer(sandboxId).inspect(), "failed", signal);
      const labels = { ...container.labels, ...mark, [marks.kind]: "container", [marks.sandboxId]: sandboxId };
      const security = await withProfile(container.security);
      const traits = { hostNetwork: sandbox.HostConfig.NetworkMode === "host", handler: sandbox.HostConfig.Runtime };
      const options = containerOptions(sandboxId, { ...container, labels, security }, traits);
      return (await ask(engine.short.createContainer(options), "failed", signal)).id;
    },
    async startContainer(containerId, signal) {
      await ask(engine.short.getContainer(containerId).start(), "start-failed", signal);
    },
    async stopContainer(containerId, graceSeconds, signal) {
      await ifRunning(
        ask(engine.long.getContainer(containerId).stop({ t: Math.max(0, Math.ceil(graceSeconds)) }), "failed", signal),
      );
    },
    removeContainer: (containerId, signal) => removeById(engine, containerId, signal),
    async updateContainer(containerId, resources, signal) {
      await ask(engine.short.getContainer(containerId).update(resourceOptions(resources)), "failed", signal);
    },

    list: (filter) => listOurs(filter?.podUid === undefined ? [] : [`${marks.podUid}=${filter.podUid}`]),
    async inspect(id, signal) {
      const info = await askIfPresent(engine.short.getContainer(id).inspect(), signal);
      return info && info.Config.Labels[marks.cluster] === config.cluster ? inspectionOf(info) : undefined;
    },

    exec: (containerId, request) => execIn(engine, ports.clock, containerId, request),
    attach: (containerId, request) => attachTo(engine, containerId, request),
    logs: (containerId, request, signal) => readLogs(engine, ports.clock, containerId, request, signal),
    stats: (containerId, signal) => readStats(engine, containerId, signal),

    pullImage: (reference, auth, signal, told) => pullImage(engine, reference, auth, signal, told),
    imageStatus: (reference) => imageStatus(engine, reference),
    listImages: () => listImages(engine),
    removeImage: (reference) => removeImage(engine, reference),

    events: (signal) => watchEvents(engine, ports.clock, config.cluster, signal),
    close: () => engine.close(),
  };
}

/** The engine takes a seccomp profile as text, not as a file. */
async function withProfile(security: ContainerSecurity): Promise<ContainerSecurity> {
  if (!security.seccomp?.startsWith("/")) return security;
  try {
    return { ...security, seccomp: await readFile(security.seccomp, "utf8") };
  } catch (cause) {
    throw new RuntimeError("failed", `cannot load seccomp profile ${JSON.stringify(security.seccomp)}`, cause);
  }
}

async function listMarked(engine: Engine, label: readonly string[]): Promise<readonly ContainerSummary[]> {
  const containers = await ask(engine.short.listContainers({ all: true, filters: { label: [...label] } }));
  return containers.map(summaryOf).filter((summary) => summary !== undefined);
}

async function sandboxMembers(
  listOurs: (label: readonly string[]) => Promise<readonly ContainerSummary[]>,
  engine: Engine,
  sandboxId: string,
): Promise<readonly ContainerSummary[]> {
  if (!(await askIfPresent(engine.short.getContainer(sandboxId).inspect()))) return [];
  return listOurs([`${marks.sandboxId}=${sandboxId}`]);
}

/** A container that has ended already, or is gone, is as stopped as one can be. */
async function ifRunning(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isQuietRefusal(error)) throw error;
  }
}

async function removeById(engine: Engine, id: string, signal: AbortSignal | undefined): Promise<void> {
  await ifRunning(ask(engine.short.getContainer(id).remove({ force: true, v: true }), "failed", signal));
}

/** Gone, being removed by someone else, or (304) stopped already. */
function isQuietRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return (
    error.code === "not-found" ||
    /already (stopped|in progress)|is not running/.test(error.message) ||
    statusOf(error.cause) === 304
  );
}

function statusOf(cause: unknown): unknown {
  return typeof cause === "object" && cause !== null && "statusCode" in cause ? cause.statusCode : undefined;
}

async function readVersion(engine: Engine, signal: AbortSignal | undefined): Promise<RuntimeVersion> {
  const info: unknown = await ask(engine.short.info(), "failed", signal);
  const text = (name: string): string => {
    const value =
      typeof info === "object" && info !== null ? (info as Readonly<Record<string, unknown>>)[name] : undefined;
    return typeof value === "string" ? value : "";
  };
  return {
    name: "docker",
    version: text("ServerVersion"),
    cgroupVersion: text("CgroupVersion") === "2" ? 2 : 1,
    cgroupDriver: text("CgroupDriver") === "systemd" ? "systemd" : "cgroupfs",
    kernelVersion: text("KernelVersion"),
    operatingSystem: text("OperatingSystem"),
    rootDirectory: text("DockerRootDir"),
  };
}

async function readStats(
  engine: Engine,
  containerId: string,
  signal: AbortSignal | undefined,
): Promise<ContainerStats | undefined> {
  const options = { stream: false as const, "one-shot": true };
  const stats = await askIfPresent(engine.short.getContainer(containerId).stats(options), signal);
  if (!stats || stats.memory_stats.usage === undefined) return undefined;
  const memory: Readonly<Record<string, number | undefined>> = { ...stats.memory_stats.stats };
  const inactive = memory.total_inactive_file ?? memory.inactive_file ?? 0;
  const networks = Object.values(stats.networks ?? {});
  return {
    readAtMs: Date.parse(stats.read),
    cpuNanoseconds: stats.cpu_stats.cpu_usage.total_usage,
    memoryUsageBytes: stats.memory_stats.usage,
    memoryWorkingSetBytes: Math.max(0, stats.memory_stats.usage - inactive),
    memoryLimitBytes: stats.memory_stats.limit,
    pids: stats.pids_stats?.current ?? 0,
    networkReceivedBytes: networks.reduce((sum, network) => sum + network.rx_bytes, 0),
    networkSentBytes: networks.reduce((sum, network) => sum + network.tx_bytes, 0),
  };
}
