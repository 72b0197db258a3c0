// What the agent needs of the world, in its own words. Implementations are in io/; tests bring their own.
import type {
  ConfigMap,
  Container,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodStatus,
  Secret,
  Service,
} from "@coxswain/api/core/v1";
import type { RuntimeClass } from "@coxswain/api/node/v1";
import type { Clock, Random } from "@coxswain/clock";
import type { ContainerLog, ContainerRuntime, Mount } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import type { BackoffTimes } from "./core/pod/backoff.ts";
import type { EnvFile } from "./core/container/env-file.ts";
import type { SelfView } from "./core/container/field-ref.ts";
import type { HostPort } from "./core/network/host-ports.ts";
import type { ProbeKind } from "./core/probe/probe.ts";
import type { ResolverSettings } from "./core/network/files.ts";
import type { PodCgroups } from "./io/cgroup/pod-cgroups.ts";
import type { Puller } from "./io/runtime/puller.ts";
import type { AgentMetrics } from "./metrics.ts";

/** The objects that pods refer to, and what becomes of them. `undefined` answers mean "there is none". */
export interface PodApi {
  configMap(namespace: string, name: string, signal?: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal?: AbortSignal): Promise<Secret | undefined>;
  claim(namespace: string, name: string, signal?: AbortSignal): Promise<PersistentVolumeClaim | undefined>;
  volume(name: string, signal?: AbortSignal): Promise<PersistentVolume | undefined>;
  runtimeClass(name: string, signal?: AbortSignal): Promise<RuntimeClass | undefined>;
  /** A token bound to the pod. */
  token(
    pod: Pod,
    request: { readonly audience: string; readonly expirationSeconds: number },
    signal?: AbortSignal,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }>;
  /** From a cache; used for environment variables. */
  services(): readonly Service[];
  /** The pod as the API has it at this moment; `undefined` when it is gone or another one by now. */
  current(pod: Pod, signal?: AbortSignal): Promise<Pod | undefined>;
  /** `undefined` when the pod is gone or another one by now. */
  writeStatus(pod: Pod, status: PodStatus, signal?: AbortSignal): Promise<Pod | undefined>;
  /** Removes the object for good (grace 0), if it is still this one. */
  deletePod(pod: Pod, signal?: AbortSignal): Promise<void>;
}

export interface PodEvents {
  record(pod: Pod, container: string | undefined, type: "Normal" | "Warning", reason: string, message: string): void;
}

/** The pods' network on this machine. Everything it makes carries our name and goes with `remove`. */
export interface PodNetwork {
  /** Gives the sandbox its interface and address: the one that was reserved, if any. */
  attach(
    sandbox: { readonly id: string; readonly pid: number; readonly address: string | undefined; readonly pod: Pod },
    signal?: AbortSignal,
  ): Promise<void>;
  isAttached(sandboxId: string): Promise<boolean>;
  /** Why no pod can have an address yet; `undefined` when ready. */
  missing(): string | undefined;
  /** The address of an attached sandbox, where the network has chosen it. */
  addressOf?(sandboxId: string): string | undefined;
  /** Gives back what the sandbox has beyond its own namespace. May be called again, and for those that were never attached. */
  detach?(sandboxId: string): Promise<void>;
  /** An address nobody has, held until `release` or until a sandbox carries it; undefined where the network chooses when attaching. */
  reserve(): Promise<string | undefined>;
  release(address: string): void;
  /** Makes ports of the machine lead to the pod; none takes them back. Does nothing when they do already. */
  expose(podUid: string, hostPorts: readonly HostPort[], signal?: AbortSignal): Promise<void>;
}

export interface Volumes {
  /** Makes every volume of the pod; throws an AgentError that names the one that cannot be made. May be called again. */
  prepare(self: SelfView, signal?: AbortSignal): Promise<void>;
  /** Brings the files of ConfigMaps, Secrets, downward values and tokens up to date. */
  refresh(self: SelfView, signal?: AbortSignal): Promise<void>;
  /** Where the container's volumeMounts come from on this machine. */
  mountsOf(pod: Pod, container: Container, variables: ReadonlyMap<string, string>): Promise<readonly Mount[]>;
  /** A file that variables of a container come from; undefined when the pod has no such volume of its own. */
  envFile(pod: Pod, volumeName: string, path: string): Promise<EnvFile | undefined>;
  /** The pod's own directory, made when missing. */
  podDirectory(pod: Pod): Promise<string>;
  /** Unmounts and removes everything of the pod. */
  remove(podUid: string): Promise<void>;
  /** Pods that have something here. */
  podUids(): Promise<readonly string[]>;
}

/** The proxies, as far as a pod that ends is concerned. */
export interface Endpoints {
  /** Resolves when nobody sends the pod new connections any more, or has had time enough; never rejects. */
  withdrawn(pod: Pod, signal: AbortSignal): Promise<void>;
}

export interface NodeFacts {
  /** The machine lets us give scores below zero to the kernel's choice of whom to kill for memory. */
  readonly mayProtect?: boolean;
  readonly name: string;
  readonly hostIPs: readonly string[];
  readonly allocatable: { readonly cpu: number; readonly memoryBytes: number; readonly ephemeralBytes?: number };
  readonly memoryBytes: number;
}

export interface PodPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly runtime: ContainerRuntime;
  readonly network: PodNetwork;
  readonly volumes: Volumes;
  /** Containers see no files, so none are made for them. */
  readonly withoutFiles?: boolean;
  readonly api: PodApi;
  /** A status is written through this, when its turn comes, as it is by then. Left out, at once. */
  readonly inTurn?: (<T>(act: () => Promise<T>) => Promise<T>) | undefined;
  readonly events: PodEvents;
  /** Left out, pods end at once. */
  readonly endpoints?: Endpoints | undefined;
  readonly node: NodeFacts;
  /** Told of every answer of a probe. */
  readonly probed?: (pod: Pod, container: string, kind: ProbeKind, ok: boolean) => void;
  readonly sandboxImage: string;
  readonly backoff: BackoffTimes;
  readonly puller: Puller;
  /** Keeps the log of a container that is about to be removed. */
  readonly keepLog: (
    pod: Pod,
    container: { readonly name: string; readonly attempt: number; readonly id: string },
  ) => Promise<void>;
  /** Called before a container of a fenced pod starts; rejects when its end could not be promised. */
  readonly guard?: ((containerId: string) => Promise<void>) | undefined;
  /** Left out, pods have no cgroups of their own. */
  readonly cgroups?: Omit<PodCgroups, "clear"> | undefined;
  readonly containerLog: ContainerLog;
  /** Where seccomp profiles of type Localhost are. */
  readonly seccompDirectory: string;
  /** What this pod may ask for: the node's, less what the other pods here have asked for. */
  readonly roomFor: (pod: Pod) => { readonly cpu: number; readonly memoryBytes: number };
  readonly resolver: () => ResolverSettings;
}
