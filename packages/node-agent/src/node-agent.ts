// The assembly of the node agent: which parts there are and in which order they begin. Only wiring.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { nodes, pods, services } from "@coxswain/api/core/v1";
import type { Node, Pod, Service } from "@coxswain/api/core/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { createClient } from "@coxswain/client";
import { createDockerRuntime } from "@coxswain/container-runtime";
import type { ContainerSummary, RuntimeVersion } from "@coxswain/container-runtime";
import { createEventRecorder, createInformer } from "@coxswain/controller";
import { StartError } from "@coxswain/daemon";
import type { Component, DaemonPorts } from "@coxswain/daemon";
import { createNetfilter, createTool } from "@coxswain/netfilter";
import { defaultClusterId } from "./config.ts";
import type { NodeAgentConfig } from "./config.ts";
import { agentMarks } from "./core/container/config.ts";
import { cpuSharesOf } from "./core/container/resources.ts";
import { allocatableOf } from "./core/node/status.ts";
import { routesTo } from "./core/network/routes.ts";
import { isPodChain, podTables } from "./core/network/rules.ts";
import { messageOf } from "./errors.ts";
import { createPodCgroups, whyNoPodCgroups } from "./io/cgroup/pod-cgroups.ts";
import { establishIdentity } from "./io/certificates/identity.ts";
import { createEndpointWithdrawal } from "./io/endpoints/withdrawal.ts";
import { createRetainedLogs } from "./io/logs/retained.ts";
import { createVolumes } from "./io/mounts/volumes.ts";
import { createCniNetwork } from "./io/net/cni-network.ts";
import { createPodNetwork } from "./io/net/pod-network.ts";
import { createEngineWatch } from "./io/node/engine-watch.ts";
import { createFence } from "./io/node/fence.ts";
import { hasAppArmor, machineTime, mayProtectProcesses, mostProcesses, readMachine } from "./io/node/machine.ts";
import { createSentry } from "./io/node/sentry.ts";
import { createRegistration } from "./io/node/registration.ts";
import { createPodApi } from "./io/pods/api.ts";
import { createPodEvents } from "./io/pods/events.ts";
import { createPodFeed } from "./io/pods/pod-feed.ts";
import { createPodSet } from "./io/pods/pod-set.ts";
import type { PodSet } from "./io/pods/pod-set.ts";
import { createPuller } from "./io/runtime/puller.ts";
import { paceRuntime } from "./io/runtime/paced-runtime.ts";
import { createGate } from "./io/server/gate.ts";
import { configurationOf } from "./io/server/node-routes.ts";
import { createAgentServer } from "./io/server/server.ts";
import { endPodsInOrder, shutdownRejection } from "./io/shutdown.ts";
import { agentMetrics } from "./metrics.ts";
import { createNodeResources, evictionReserve } from "./node-resources.ts";
import type { NodeResources } from "./node-resources.ts";
import { createCertificates } from "./certificates.ts";
import { clearMachine } from "./cleanup.ts";

/** More heavy operations at once made a two-core machine's engine slower, not faster. */
const operationsAtOnce = 2;
/** Bridge and rules are looked at this often, in case somebody has changed them. */
const repairMs = 30_000;

export async function createNodeAgent(config: NodeAgentConfig, daemon: DaemonPorts): Promise<Component> {
  const { clock, random, log } = daemon;
  const metrics = daemon.metrics.create(agentMetrics);
  const { kubeconfig, nodeName } = config;
  const identity = await establishIdentity({ ...config.certificates, kubeconfig, nodeName }, daemon);
  const client = createClient(identity.client, { clock, random });
  const engine = createDockerRuntime({ socketPath: config.runtimeSocket, cluster: config.clusterId }, { clock });
  const runtime = paceRuntime(engine, operationsAtOnce);
  const version = await reachRuntime(() => runtime.version(), config.runtimeSocket);
  await mkdir(config.rootDirectory, { recursive: true, mode: 0o750 });
  const machine = () => readMachine(version, config.rootDirectory, config.nodeIp);
  const facts = await machine();
  const mayProtect = await mayProtectProcesses();
  const appArmor = await hasAppArmor();
  if (!mayProtect)
    log.warn(
      { missing: "CAP_SYS_RESOURCE" },
      "no container can be protected: Guaranteed pods get oom_score_adj 0 instead of -997",
    );
  const certificates = await createCertificates({ ...config.certificates, nodeName }, identity, {
    ...{ client, clock, log, metrics },
    addresses: async () => (await machine()).addresses,
  });

  const netfilter = createNetfilter(
    { owned: isPodChain(config.bridge), tables: podTables },
    { tool: createTool({ family: "ipv4", waitSeconds: 5 }) },
  );
  const network = config.network.cni
    ? createCniNetwork(
        { ...config.network.cni, directory: join(config.rootDirectory, "cni") },
        {
          clock,
          log,
          sandboxes: async () => new Set((await runtime.list()).filter(isRunningSandbox).map(({ id }) => id)),
        },
      )
    : createPodNetwork(
        { bridge: config.bridge, clusterCidr: config.clusterCidr, ...config.network, address: facts.addresses[0] },
        {
          netfilter,
          taken: async () => new Set((await runtime.list()).flatMap(({ labels }) => labels[agentMarks.podIP] ?? [])),
        },
      );
  const serviceInformer = createInformer<Service>(client.resource(services), {}, daemon);
  const nodeInformer = createInformer<Node>(client.resource(nodes), {}, daemon);
  const podInformer = createInformer<Pod>(
    client.resource(pods),
    { fieldSelector: `spec.nodeName=${config.nodeName}` },
    daemon,
  );
  const feed = createPodFeed(config, {
    client,
    clock,
    log,
    pods: podInformer,
    nodeUid: () => nodeInformer.get(config.nodeName)?.metadata.uid,
    api: createPodApi({
      client,
      clock,
      services: () => serviceInformer.list().map((service) => own<Service>(service)),
    }),
  });
  const { api } = feed;
  const volumes = createVolumes(config, { clock, random, api });
  const recorder = createEventRecorder({ component: "kubelet", host: config.nodeName }, { client, clock, random, log });
  const withdrawal = createEndpointWithdrawal({ boundMs: config.withdrawalTimeoutMs }, { client, clock, random, log });
  const podEvents = createPodEvents(recorder);
  let hostResolvConf = await readFile(config.resolvConfFile, "utf8").catch(() => "");

  const retained = createRetainedLogs(config.retainedLogs, { clock, runtime, log });
  const whyNoCgroups = config.podCgroups.isOn ? whyNoPodCgroups(version) : "switched off";
  if (config.podCgroups.isOn && whyNoCgroups !== undefined)
    log.warn({ because: whyNoCgroups }, "pods have no cgroups of their own: limits of whole pods are not enforced");
  const keptBack = { reserved: config.reserved, evictionReserve: evictionReserve(config.eviction.thresholds) };
  const forPods = allocatableOf(facts, keptBack);
  const allocatable = {
    cpu: facts.cpus - (config.reserved["cpu"] ?? 0),
    memoryBytes: facts.memoryBytes - (config.reserved["memory"] ?? 0),
  };
  const cgroups =
    whyNoCgroups === undefined
      ? createPodCgroups(
          {
            engine: version,
            top: config.clusterId === defaultClusterId ? "kubepods" : `kubepods_${config.clusterId}`,
            allocatable: config.podCgroups.enforcesAllocatable
              ? {
                  ...{ cpuShares: cpuSharesOf(allocatable.cpu), cpuQuotaUs: undefined },
                  memoryBytes: allocatable.memoryBytes,
                  processes: config.reserved["pid"] && (await mostProcesses()) - config.reserved["pid"],
                }
              : undefined,
            ...config.podCgroups,
          },
          { clock, log, pods: () => podSet.workers().map((worker) => worker.pod()) },
        )
      : undefined;
  const sentry = createSentry(
    { directory: join(config.rootDirectory, "sentry"), cgroups: "/sys/fs/cgroup", lookSeconds: 5 },
    { log },
  );
  const podSet: PodSet = createPodSet({
    clock,
    random,
    log,
    metrics,
    runtime,
    network,
    volumes,
    api,
    events: podEvents,
    admit: (pod, others) => (shuttingDown ? shutdownRejection : resources.admit(pod, others)),
    probed: (pod, container, kind, ok) => resources.probed(pod, container, kind, ok),
    endpoints: config.withdrawalTimeoutMs > 0 ? withdrawal : undefined,
    ended: feed.ended,
    guard: (containerId) => sentry.guard(containerId),
    guarded: sentry,
    cgroups,
    node: {
      name: config.nodeName,
      hostIPs: facts.addresses,
      allocatable: { cpu: forPods.milliCpus / 1000, ...forPods },
      memoryBytes: facts.memoryBytes,
      mayProtect,
    },
    sandboxImage: config.sandboxImage,
    backoff: config.backoff,
    containerLog: config.containerLog,
    seccompDirectory: join(config.rootDirectory, "seccomp"),
    puller: createPuller({ mostAtOnce: config.mostPulls }, { runtime, clock }),
    keepLog: (pod, { name: container, attempt, id }) =>
      retained.keep(
        {
          ...{ namespace: pod.metadata.namespace ?? "", pod: pod.metadata.name },
          ...{ podUid: pod.metadata.uid ?? "", container, attempt },
        },
        id,
      ),
    resolver: () => ({ clusterDns: config.clusterDns, clusterDomain: config.clusterDomain, hostResolvConf }),
  });
  // The kubelet tells of a node by its name as the uid, too.
  const self = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, uid: nodeName } };
  const resources: NodeResources = createNodeResources(config, {
    ...{ clock, log, runtime, version, appArmor },
    tellNode: (type, reason, message) => recorder.record(self, type, reason, message),
    node: () => nodeInformer.get(nodeName),
    podSet: () => podSet,
    tellPod: (pod, container, reason, message) => podEvents.record(pod, container, "Warning", reason, message),
    changed: () => registration.poke(),
  });
  const fence = createFence(
    { afterMs: config.fenceAfterMs, file: join(config.rootDirectory, "lease-renewed.json") },
    {
      ...{ clock, log, machineTime },
      heard: (untilUptimeMs) => sentry.heard(untilUptimeMs),
      close: () => podSet.fence(),
      open: (signal) => podSet.release((pod) => api.current(pod, signal)),
    },
  );
  let shuttingDown = false;
  const engineWatch = createEngineWatch({ ...{ clock, log, runtime }, changed: () => registration.poke() });
  const missing = (): readonly string[] =>
    [shuttingDown ? "node is shutting down" : undefined, engineWatch.missing(), network.missing()].filter(
      (text) => text !== undefined,
    );
  const registration = createRegistration(
    {
      name: config.nodeName,
      labels: config.labels,
      taints: config.taints,
      podCidr: config.podCidr,
      maxPods: config.maxPods,
      port: config.server.port,
      ...keptBack,
      fenceAfterMs: config.fenceAfterMs,
      leaseSeconds: config.leaseSeconds,
    },
    {
      ...{ client, clock, random, log, missing },
      machine: async () => ({ ...(await machine()), images: engineWatch.images() }),
      seen() {
        const node = nodeInformer.get(nodeName);
        return node && own<Node>(node);
      },
      pressures: () => resources.pressures(),
      tell: ({ type, reason, message }) => recorder.record(self, type, reason, message),
      heartbeatFailed: () => metrics.heartbeatFailures.inc(),
      leaseRenewed: (sentAtMs) => fence.renewed(sentAtMs),
    },
  );
  const server = createAgentServer(
    {
      ...config.server,
      ...certificates.serving,
      localVolumeDirectory: config.localVolumeDirectory,
    },
    {
      clock,
      log,
      metrics: daemon.metrics,
      runtime,
      podSet,
      feed,
      usage: resources.usage,
      configuration: configurationOf(config),
      retained,
      ready: () => [...missing(), ...(registration.registered() ? [] : ["the node is not registered"])],
      gate: createGate({ ...config.gate, nodeName }, { client, clock, log }),
    },
  );
  const living = new AbortController();
  let loops: Promise<unknown> | undefined;

  /** The node's CIDR and the ways to the others, whenever a node changes. */
  const followNodes = async (signal: AbortSignal): Promise<void> => {
    let configured = "";
    let wake = Promise.withResolvers<void>();
    nodeInformer.subscribe(() => wake.resolve());
    while (!signal.aborted) {
      try {
        const all = nodeInformer.list().map((node) => own<Node>(node));
        const podCidr = all.find((node) => node.metadata.name === config.nodeName)?.spec?.podCIDR ?? config.podCidr;
        if (podCidr && podCidr !== configured) {
          await network.configure(podCidr, signal);
          configured = podCidr;
          log.info({ node: config.nodeName, podCidr }, "the pod network is ready");
          registration.poke();
        } else if (configured !== "" || config.network.cni) await network.repair(signal);
        if (configured !== "" && nodeInformer.synced()) await network.setRoutes(routesTo(all, config.nodeName), signal);
        hostResolvConf = await readFile(config.resolvConfFile, "utf8").catch(() => hostResolvConf);
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, "the pod network could not be made");
      }
      await Promise.race([wake.promise, clock.sleep(repairMs, signal).catch(() => undefined)]);
      wake = Promise.withResolvers();
    }
  };

  return {
    async start(signal) {
      if (config.cleanup === "and-exit") {
        await clearMachine({ runtime, network, volumes, cgroups, sentry });
        daemon.end("the machine is cleared");
        return;
      }
      // Pods that are ended in order still need the API and the engine's word after the stop has begun.
      const until = config.shutdown.graceMs > 0 ? living.signal : AbortSignal.any([signal, living.signal]);
      // Before anything else: what this node may not run any more ends before anybody is asked.
      await sentry.open();
      await fence.open();
      await server.start(until);
      recorder.record(self, "Normal", "Starting", "Starting kubelet.");
      const owned = [
        fence.run(until),
        engineWatch.run(until),
        registration.run(until),
        nodeInformer.run(until),
        serviceInformer.run(until),
        podInformer.run(until),
        podSet.run(until),
        followNodes(until),
        feed.run(podSet, until),
        certificates.run(server, until),
        resources.run(until),
      ];
      loops = Promise.all(
        owned.map((loop) =>
          loop.catch((error: unknown) => (until.aborted ? undefined : daemon.die("a loop of the agent ended", error))),
        ),
      );
    },
    ready: () => [
      ...server.ready(),
      ...missing(),
      ...(registration.registered() ? [] : ["the node is not registered"]),
      ...(podInformer.synced() ? [] : ["the pods are not known yet"]),
    ],
    async stop() {
      if (config.shutdown.graceMs > 0 && loops) {
        shuttingDown = true;
        registration.poke();
        await endPodsInOrder(config.shutdown, { clock, log, runtime, workers: () => podSet.workers() });
      }
      living.abort(new Error("the agent stops"));
      await server.stop();
      await podSet.stop();
      await withdrawal.stop();
      await loops;
      loops = undefined;
      if (config.cleanup === "on-stop") await clearMachine({ runtime, network, volumes, cgroups, sentry });
      await client.close();
      engine.close();
    },
  };
}

function isRunningSandbox({ kind, state }: ContainerSummary): boolean {
  return kind === "sandbox" && state === "running";
}

async function reachRuntime(version: () => Promise<RuntimeVersion>, socket: string): Promise<RuntimeVersion> {
  try {
    return await version();
  } catch (cause) {
    throw new StartError(`no Docker Engine answers at ${socket}: ${messageOf(cause)}`, { cause });
  }
}

/** Objects of a cache are shared; what pods' workers keep is a copy of their own. */
function own<T extends ApiObject>(object: DeepReadonly<T>): T {
  return structuredClone(object) as T;
}
