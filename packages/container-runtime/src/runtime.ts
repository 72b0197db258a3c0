// The runtime door, in the words of its user, the node agent: pod sandboxes, containers in them, images, streams.
// Shaped after CRI so that Docker and a CRI socket both fit. It knows no Pod object and decides nothing: no restart,
// no order, no policy. Identifiers are the runtime's own.
import type { Readable, Writable } from "node:stream";

/**
 * Ordering and ownership: every call resolves after the runtime has confirmed it. Calls for one container are made
 * one after another by the caller; calls for different containers may overlap. Failures are `RuntimeError`s.
 */
export interface ContainerRuntime {
  version(signal?: AbortSignal): Promise<RuntimeVersion>;
  /** Resolves when it takes orders; cheap, and asked every few seconds. */
  ready(signal?: AbortSignal): Promise<void>;

  /** Creates and starts the container that holds the pod's namespaces. A half-made one is left for `list` to find. */
  runPodSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<string>;
  /** Kills every container of the sandbox, then the sandbox. Harmless when it is gone. */
  stopPodSandbox(sandboxId: string, signal?: AbortSignal): Promise<void>;
  /** Removes the sandbox and what is left of its containers. Harmless when it is gone. */
  removePodSandbox(sandboxId: string, signal?: AbortSignal): Promise<void>;

  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string>;
  startContainer(containerId: string, signal?: AbortSignal): Promise<void>;
  /** SIGTERM (or the image's stop signal), then SIGKILL after `graceSeconds`. Resolves when it no longer runs. */
  stopContainer(containerId: string, graceSeconds: number, signal?: AbortSignal): Promise<void>;
  /** Removes a container and its log, killing it first if it runs. Harmless when it is gone. */
  removeContainer(containerId: string, signal?: AbortSignal): Promise<void>;
  updateContainer(containerId: string, resources: ContainerResources, signal?: AbortSignal): Promise<void>;

  /** Everything with this cluster's mark, running or not. */
  list(filter?: ListFilter, signal?: AbortSignal): Promise<readonly ContainerSummary[]>;
  /** `undefined` when there is no such container or sandbox. */
  inspect(id: string, signal?: AbortSignal): Promise<ContainerInspection | undefined>;

  exec(containerId: string, request: ExecRequest, signal?: AbortSignal): Promise<StreamSession>;
  attach(containerId: string, request: AttachRequest, signal?: AbortSignal): Promise<StreamSession>;
  /** Output so far and, with `follow`, what comes until the container ends or the signal is aborted. */
  logs(containerId: string, request: LogRequest, signal?: AbortSignal): AsyncIterable<LogChunk>;
  stats(containerId: string, signal?: AbortSignal): Promise<ContainerStats | undefined>;

  /** Resolves with the image's id. A refusal of the registry is a `RuntimeError` with its reason as the message. */
  pullImage(
    reference: string,
    auth: RegistryAuth | undefined,
    signal?: AbortSignal,
    told?: (progress: PullProgress) => void,
  ): Promise<string>;
  /** `undefined` when the image is not here. */
  imageStatus(reference: string, signal?: AbortSignal): Promise<ImageStatus | undefined>;
  listImages(signal?: AbortSignal): Promise<readonly ImageStatus[]>;
  removeImage(reference: string, signal?: AbortSignal): Promise<void>;

  /** Begins with `connected`, and again after every reconnect: list then, since events may have been lost. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  /** Where images and writable layers live; its file system is the image file system. */
  readonly rootDirectory: string;
}

export type Labels = Readonly<Record<string, string>>;

export interface SandboxConfig {
  readonly name: string;
  readonly image: string;
  readonly hostname: string;
  readonly labels: Labels;
  /** "none": an empty network namespace that the caller fills; "host": the machine's. */
  readonly network: "none" | "host";
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly cgroupParent?: string;
  /** The low-level runtime under which the whole pod runs, as a RuntimeClass names it. */
  readonly handler?: string;
}

export interface ContainerConfig {
  readonly name: string;
  readonly image: string;
  readonly labels: Labels;
  /** Replaces the image's entry point when not empty. */
  readonly command: readonly string[];
  /** Replaces the image's arguments when not empty (or when `command` is given). */
  readonly args: readonly string[];
  readonly workingDir?: string;
  /** "NAME=value". */
  readonly env: readonly string[];
  readonly mounts: readonly Mount[];
  readonly devices?: readonly string[];
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** Whose processes are seen: its own, the sandbox's (shared by the pod), the machine's, or another container's. */
  readonly pid: "container" | "pod" | "host" | { readonly target: string };
  readonly hostIpc: boolean;
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  readonly stopSignal?: string;
  /** When its log is begun anew, and how many of its files are kept; the runtime's own way when left out. */
  readonly log?: ContainerLog;
  readonly cgroupParent?: string;
}

export interface ContainerLog {
  readonly mostBytes: number;
  readonly mostFiles: number;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: "private" | "hostToContainer" | "bidirectional";
}

export interface ContainerResources {
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryBytes?: number;
  readonly pidsLimit?: number;
  readonly oomScoreAdj?: number;
}

export interface ContainerSecurity {
  readonly privileged: boolean;
  /** "user" or "user:group". */
  readonly user?: string;
  readonly supplementalGroups: readonly number[];
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  /** "unconfined", a path on the machine, or nothing for the runtime's default. */
  readonly seccomp?: string;
  readonly apparmor?: string;
  /** Nothing of /proc is hidden or read-only. */
  readonly unmaskedProc?: boolean;
}

export interface ListFilter {
  readonly podUid?: string;
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface ContainerSummary {
  readonly id: string;
  readonly kind: "sandbox" | "container";
  readonly name: string;
  readonly labels: Labels;
  readonly state: ContainerState;
  readonly createdAtMs: number;
}

export interface ContainerInspection extends ContainerSummary {
  /** The first process as the machine sees it; 0 when not running. */
  readonly pid: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** Set when exited, or when it could not be started. */
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** Why the runtime could not start it; then `state` is "exited" and `startedAtMs` is not set. */
  readonly startError?: string;
  readonly image: string;
  readonly imageId: string;
  readonly logPath?: string;
  /** Of a sandbox: it uses the machine's network. */
  readonly hostNetwork?: boolean;
  /** Where on the machine the container's own writes are, if the runtime can tell. */
  readonly writableLayer?: string;
  /** Its shares and limits as they are set now, if the runtime can tell. */
  readonly resources?: { readonly cpuShares: number; readonly cpuQuotaUs?: number; readonly memoryBytes?: number };
}

export interface ExecRequest {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

export interface AttachRequest {
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** A running exchange with a process. The receiver owns it and closes it. */
export interface StreamSession {
  /** Ending it closes the process's standard input and leaves the output open. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** `undefined` with a terminal: both arrive in `stdout`. */
  readonly stderr: Readable | undefined;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves after the output has ended; for an attach, with the container's code or 0 when it still runs. */
  readonly exitCode: Promise<number>;
  /** Cuts the connection. The process of an exec may live on. */
  close(): void;
}

export interface LogRequest {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly tty: boolean;
}

export interface LogChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export interface ContainerStats {
  readonly readAtMs: number;
  readonly cpuNanoseconds: number;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  readonly memoryLimitBytes: number;
  readonly pids: number;
  readonly networkReceivedBytes: number;
  readonly networkSentBytes: number;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly server?: string;
}

/** How far a pull has come, as far as the runtime knows by now: layers are found one after another. */
export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface ImageStatus {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** The user the image asks for; empty for root. */
  readonly user: string;
}

export type RuntimeEvent =
  | { readonly type: "connected" }
  | {
      readonly type: "started" | "exited" | "removed" | "created" | "outOfMemory";
      readonly id: string;
      readonly labels: Labels;
      readonly timeMs: number;
    };
