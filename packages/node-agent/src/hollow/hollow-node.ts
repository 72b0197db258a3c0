// One node that runs nothing: the agent's own registration, heartbeats, pod workers and status writing over a runtime in memory. It has no
// server, no network and no files in its containers; the control plane cannot tell it from a node that works.
import type { Node } from "@coxswain/api/core/v1";
import type { Taint } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { createFakeRuntime } from "@coxswain/container-runtime/testing";
import { createEventRecorder } from "@coxswain/controller";
import type { DaemonPorts } from "@coxswain/daemon";
import { defaultLeaseSeconds } from "../core/heartbeat.ts";
import { defaultBackoff } from "../core/pod/backoff.ts";
import { createPodEvents } from "../io/pods/events.ts";
import { createPodSet } from "../io/pods/pod-set.ts";
import { createPuller } from "../io/runtime/puller.ts";
import type { PodSet } from "../io/pods/pod-set.ts";
import { createRegistration } from "../io/node/registration.ts";
import type { AgentMetrics } from "../metrics.ts";
import type { PodApi } from "../ports.ts";
import { createHollowNetwork, createHollowVolumes } from "./ports.ts";
import { hollowProgram } from "./program.ts";

export interface HollowNodeConfig {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly maxPods: number;
  readonly rootDirectory: string;
  readonly events: boolean;
}

export interface HollowNodePorts extends Pick<DaemonPorts, "clock" | "random" | "log"> {
  readonly client: Client;
  readonly api: PodApi;
  /** So that all nodes together write only so much at a time. */
  readonly inTurn: <T>(act: () => Promise<T>) => Promise<T>;
  readonly metrics: AgentMetrics;
  /** The node as the API has it; undefined before it is known. */
  readonly node: () => Node | undefined;
}

export interface HollowNode {
  readonly pods: PodSet;
  registered(): boolean;
  run(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Sits where a digest of the machine would. */
const diskBytes = 100 * 2 ** 30;
const sandboxImage = "pause";

export function createHollowNode(config: HollowNodeConfig, ports: HollowNodePorts): HollowNode {
  const { client, clock, random, log } = ports;
  const { name, address, cpus, memoryBytes } = config;
  const runtime = createFakeRuntime({ clock }, { everyImage: true, program: hollowProgram });
  const network = createHollowNetwork(() => config.podCidr ?? ports.node()?.spec?.podCIDR);
  const recorder = createEventRecorder({ component: "kubelet", host: name }, { client, clock, random, log });
  const pods = createPodSet({
    ...{ clock, random, log, runtime, network, metrics: ports.metrics, api: ports.api, inTurn: ports.inTurn },
    volumes: createHollowVolumes(ports.api, config.rootDirectory),
    withoutFiles: true,
    events: config.events ? createPodEvents(recorder) : { record: () => undefined },
    node: { name, hostIPs: [address], allocatable: { cpu: cpus, memoryBytes }, memoryBytes },
    sandboxImage,
    backoff: defaultBackoff,
    containerLog: { mostBytes: 2 ** 20, mostFiles: 1 },
    seccompDirectory: "",
    keepLog: async () => undefined,
    puller: createPuller({ mostAtOnce: 1 }, { runtime, clock }),
    resolver: () => ({ clusterDns: [], clusterDomain: "", hostResolvConf: "" }),
  });
  const missing = (): readonly string[] => [network.missing()].filter((text) => text !== undefined);
  const registration = createRegistration(
    {
      ...{ name, labels: config.labels, taints: config.taints, podCidr: config.podCidr, maxPods: config.maxPods },
      port: 0,
      reserved: {},
      evictionReserve: { memory: undefined, disk: undefined },
      fenceAfterMs: 0,
      leaseSeconds: defaultLeaseSeconds,
    },
    {
      ...{ client, clock, random, log, missing },
      machine: async () => ({
        ...{ hostname: name, addresses: [address], cpus, memoryBytes, diskBytes, hugePages: [] },
        architecture: "amd64",
        kernelVersion: "0.0.0-hollow",
        osImage: "Hollow (nothing runs here)",
        runtimeVersion: "hollow://1",
        machineId: name,
        bootId: name,
      }),
      pressures: () => [],
      heartbeatFailed: () => ports.metrics.heartbeatFailures.inc(),
      leaseRenewed: () => undefined,
    },
  );
  return {
    pods,
    registered: () => registration.registered() && missing().length === 0,
    async run(signal) {
      await Promise.all([registration.run(signal), pods.run(signal)]);
    },
    stop: () => pods.stop(),
  };
}
