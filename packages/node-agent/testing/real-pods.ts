// The agent's pods with real containers, a real bridge and real rules, and the API as a table in memory: what the tests with an engine share.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, existsSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { Pod, PodStatus } from "@coxswain/api/core/v1";
import { systemClock, rfc3339, systemRandom as random } from "@coxswain/clock";
import type { Clock } from "@coxswain/clock";
import { createDockerRuntime } from "@coxswain/container-runtime";
import { createLogger, createMetricsRegistry } from "@coxswain/daemon";
import { createNetfilter, createTool } from "@coxswain/netfilter";
import { clearMachine } from "../src/cleanup.ts";
import { agentMarks } from "../src/core/container/config.ts";
import { isPodChain, podTables } from "../src/core/network/rules.ts";
import { cgroupNames } from "../src/core/cgroup/names.ts";
import { createPodCgroups, whyNoPodCgroups } from "../src/io/cgroup/pod-cgroups.ts";
import { createVolumes } from "../src/io/mounts/volumes.ts";
import { createPodNetwork } from "../src/io/net/pod-network.ts";
import { createPodSet } from "../src/io/pods/pod-set.ts";
import type { PodSet } from "../src/io/pods/pod-set.ts";
import { findAttempt } from "../src/io/server/logs.ts";
import { createPuller } from "../src/io/runtime/puller.ts";
import { agentMetrics } from "../src/metrics.ts";
import type { PodApi } from "../src/ports.ts";
export const socketPath = "/var/run/docker.sock";
export const image = "coxswain/busybox:1";
/** What each pod may have: more than any of them needs that is not greedy. */
export const processesPerPod = 120;
/** How long to wait for what takes moments on a quiet machine. */
export const within = { timeout: 60_000 };

/** Why there can be no real containers here; undefined when there can. */
export function whyNoRealPods(): string | undefined {
  try {
    accessSync(socketPath);
  } catch {
    return `no Docker Engine at ${socketPath}`;
  }
  try {
    execFileSync("docker", ["image", "inspect", image, "coxswain/pause:1"], { stdio: "ignore" });
    execFileSync("ip", ["link", "add", "coxprobe0", "type", "bridge"], { stdio: "ignore" });
    execFileSync("ip", ["link", "del", "coxprobe0"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return `images or the right to make links are missing: ${String(error).split("\n")[0] ?? ""}`;
  }
}

/** As the engine says; version 1 by cgroupfs where it says nothing. */
function engineCgroups() {
  const said = spawnSync("docker", ["info", "--format", "{{.CgroupVersion}} {{.CgroupDriver}}"], { encoding: "utf8" });
  const [version, driver] = (said.error === undefined ? said.stdout : "").trim().split(" ");
  return { cgroupVersion: version === "2" ? 2 : 1, cgroupDriver: driver === "systemd" ? driver : "cgroupfs" } as const;
}

/** Everything but the containers is of this process; `begin` before the first test, `end` after the last. */
export function createRealPods() {
  const engine = engineCgroups();
  const withCgroups = whyNoPodCgroups(engine) === undefined;
  /** The machine's clock, as somebody who sets it would make it look. */
  let setByMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + setByMs };
  // Names of its own, so that two runs on one machine leave each other alone.
  const mark = random.suffix(5);
  const bridge = `coxt${mark}`;
  const subnet = random.int(200);

  const rootDirectory = mkdtempSync(join(tmpdir(), "coxswain-agent-"));
  const localVolumeDirectory = join(rootDirectory, "local-volumes");
  const runtime = createDockerRuntime({ socketPath, cluster: `agent-test-${mark}` }, { clock });
  const netfilter = createNetfilter(
    { owned: isPodChain(bridge), tables: podTables },
    { tool: createTool({ family: "ipv4", waitSeconds: 5 }) },
  );
  const network = createPodNetwork(
    { bridge, clusterCidr: "10.251.0.0/16", mode: "auto", vxlanPort: 4789, address: undefined },
    {
      netfilter,
      taken: async () => new Set((await runtime.list()).flatMap((one) => one.labels[agentMarks.podIP] ?? [])),
    },
  );
  const statuses = new Map<string, PodStatus>();
  const deleted = new Set<string>();
  const events: string[] = [];
  const configMaps = new Map<string, Record<string, string>>([["settings", { "greeting.txt": "hello" }]]);
  let tokens = 0;
  const api: PodApi = {
    configMap: async (_namespace, name) => {
      const data = configMaps.get(name);
      return data && { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
    },
    secret: async () => undefined,
    claim: async (namespace, name) => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { namespace, name, uid: `uid-${name}` },
      spec: { volumeName: `pvc-${name}` },
      status: { phase: name === "unbound" ? "Pending" : "Bound" },
    }),
    volume: async (name) => ({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "coxswain.io/local" } },
      spec: { local: { path: join(localVolumeDirectory, name) }, claimRef: { uid: name.replace("pvc-", "uid-") } },
    }),
    runtimeClass: async (name) =>
      name === "ordinary"
        ? { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name }, handler: "runc" }
        : undefined,
    // Due for renewal at once.
    token: async () => ({ token: `token ${++tokens}`, expiresAtMs: clock.now() }),
    services: () => [],
    current: async (pod) => pod,
    writeStatus: async (pod, status) => {
      statuses.set(pod.metadata.name ?? "", status);
      return { ...pod, status };
    },
    deletePod: async (pod) => void deleted.add(pod.metadata.name ?? ""),
  };
  const volumes = createVolumes({ rootDirectory, localVolumeDirectory }, { clock, random, api });
  const cgroupTop = `kubepods_agent-test-${mark}`;
  const places = cgroupNames(engine.cgroupDriver, cgroupTop);
  const cgroups = createPodCgroups(
    {
      engine,
      top: cgroupTop,
      allocatable: { cpuShares: 2048, cpuQuotaUs: undefined, memoryBytes: 2 ** 32 },
      ...{ processesPerPod, singleProcessOomKill: false },
    },
    { clock, log: createLogger("test", "error"), pods: () => set.workers().map((worker) => worker.pod()) },
  );
  const metrics = createMetricsRegistry("test").create(agentMetrics);
  const newSet = (): PodSet =>
    createPodSet({
      clock,
      random,
      log: createLogger("test", "error"),
      metrics,
      runtime,
      network,
      volumes,
      cgroups: withCgroups ? cgroups : undefined,
      api,
      events: {
        record: (pod, container, type, reason) =>
          void events.push(`${pod.metadata.name ?? ""}/${container ?? ""} ${type} ${reason}`),
      },
      node: {
        name: "here",
        hostIPs: ["192.0.2.1"],
        allocatable: { cpu: 2, memoryBytes: 2 ** 32 },
        memoryBytes: 2 ** 32,
      },
      sandboxImage: "coxswain/pause:1",
      containerLog: { mostBytes: 1 << 20, mostFiles: 2 },
      seccompDirectory: join(rootDirectory, "seccomp"),
      keepLog: async () => undefined,
      puller: createPuller({ mostAtOnce: 1 }, { runtime, clock }),
      backoff: { firstMs: 10_000, longestMs: 300_000 },
      resolver: () => ({ clusterDns: ["10.96.0.10"], clusterDomain: "cluster.local", hostResolvConf: "" }),
    });
  let set = newSet();
  let aborter = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const run = (): void => {
    aborter = new AbortController();
    running = set.run(aborter.signal);
  };
  const halt = async (): Promise<void> => {
    aborter.abort(new Error("the agent ends"));
    await set.stop();
    await running;
  };

  /** Of this run: the engine knows containers by it. */
  const uidOf = (name: string): string => `uid-${name}-${mark}`;
  const podOf = (name: string, spec: Partial<NonNullable<Pod["spec"]>>): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: uidOf(name), creationTimestamp: rfc3339(clock.now()) },
    spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 2, containers: [], ...spec },
  });
  /** What a cgroup of ours is held to, in its version's words: shares or weight, quota, memory, processes; undefined when there is none. */
  const limitsAt = (path: string): readonly string[] | undefined => {
    const files =
      engine.cgroupVersion === 2
        ? ["cpu.weight", "cpu.max", "memory.max", "pids.max"].map((file) => join("/sys/fs/cgroup", path, file))
        : ["cpu/cpu.shares", "cpu/cpu.cfs_quota_us", "memory/memory.limit_in_bytes", "pids/pids.max"].map((file) =>
            join("/sys/fs/cgroup", file.split("/")[0] ?? "", path, file.split("/")[1] ?? ""),
          );
    return files.every((file) => existsSync(file)) ? files.map((file) => readFileSync(file, "utf8").trim()) : undefined;
  };
  const remove = async (pod: Pod): Promise<void> => {
    set.put({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: rfc3339(clock.now() + 2_000), deletionGracePeriodSeconds: 2 },
    });
    await expect.poll(() => deleted.has(pod.metadata.name ?? ""), within).toBe(true);
    expect(await runtime.list({ podUid: pod.metadata.uid ?? "" })).toEqual([]);
    expect(await volumes.podUids()).not.toContain(pod.metadata.uid);
  };
  const status = (name: string) => statuses.get(name);
  const isReady = (name: string): boolean =>
    status(name)?.conditions?.find((condition) => condition.type === "Ready")?.status === "True";
  const containerId = async (pod: Pod, name: string): Promise<string> =>
    Object.values(await findAttempt(runtime, pod.metadata.uid ?? "", name, 0)).join("");
  const logOf = async (pod: Pod, name: string): Promise<string> => {
    let text = "";
    for await (const { bytes } of runtime.logs(await containerId(pod, name), {
      follow: false,
      timestamps: false,
      tty: false,
    }))
      text += Buffer.from(bytes).toString();
    return text;
  };
  const execIn = async (pod: Pod, name: string, command: readonly string[]): Promise<string> => {
    const session = await runtime.exec(await containerId(pod, name), { command, stdin: false, tty: false });
    let text = "";
    for await (const bytes of session.stdout) text += String(bytes);
    return text;
  };
  /** The log of a pod's container, when the pod has come to its end. */
  const saysAtItsEnd = async (pod: Pod, name = "main"): Promise<string> => {
    await expect.poll(() => status(pod.metadata.name)?.phase, within).toMatch(/^(Succeeded|Failed)$/);
    return logOf(pod, name);
  };
  const told = (name: string, reason: string): Promise<void> =>
    expect
      .poll(() => events.some((event) => event.startsWith(`${name}/`) && event.endsWith(reason)), within)
      .toBe(true);

  return {
    ...{
      rootDirectory,
      localVolumeDirectory,
      runtime,
      network,
      volumes,
      api,
      clock,
      events,
      statuses,
      deleted,
      configMaps,
      subnet,
    },
    ...{
      podOf,
      uidOf,
      withCgroups,
      engine,
      places,
      limitsAt,
      remove,
      status,
      isReady,
      containerId,
      logOf,
      execIn,
      told,
      saysAtItsEnd,
    },
    podSet: () => set,
    async begin() {
      await clearMachine({ runtime, network, volumes });
      await network.configure(`10.251.${subnet}.0/24`);
      run();
    },
    /** The agent ends and comes back; the containers do not notice. */
    async restart() {
      await halt();
      statuses.clear();
      set = newSet();
      run();
    },
    setClockBy: (ms: number) => void (setByMs = ms),
    collectOrphans: () => set.collectOrphans(aborter.signal),
    async end() {
      await halt();
      await clearMachine({ runtime, network, volumes, cgroups: withCgroups ? cgroups : undefined });
      // Only places of our own: of other pods, which other tests end meanwhile, groups vanish under a walk over all.
      expect(
        ["", ...readdirSync("/sys/fs/cgroup")].filter((controller) =>
          existsSync(join("/sys/fs/cgroup", controller, places.all)),
        ),
      ).toEqual([]);
      expect(execFileSync("ip", ["-o", "link"]).toString()).not.toContain(bridge);
      expect([...(await netfilter.read()).values()].flatMap((table) => [...table.chains.keys()])).toEqual([]);
      await rm(rootDirectory, { recursive: true, force: true });
      runtime.close();
    },
  };
}
