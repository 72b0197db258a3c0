// What the agent sees of one pod: what is wanted, what the runtime has, what is under way. A value, made anew for every
// look; the only memory in it is that of the shell's own attempts (a failed pull, a probe's verdict).
import type { Pod } from "@coxswain/api/core/v1";
import type { BackoffTimes } from "./backoff.ts";

export interface PodView {
  readonly pod: Pod;
  /** The pod is no longer in the API (or is another one by now): stop it without asking for more. */
  readonly orphaned: boolean;
  readonly sandboxes: readonly SandboxView[];
  readonly containers: readonly ContainerView[];
  /** Container names with an operation under way; and "" for the pod as a whole. */
  readonly busy: ReadonlySet<string>;
  /** Ids of containers whose stop has been asked for, with the moment they are killed at the latest. */
  readonly stopping: ReadonlyMap<string, number>;
  readonly volumes: VolumesState;
  /** Why a container could not be started, by name. */
  readonly failures: ReadonlyMap<string, StartFailure>;
  readonly sandboxFailure: StartFailure | undefined;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>;
  /** By container id: those whose postStart hook has not ended yet. */
  readonly inPostStart: ReadonlySet<string>;
  readonly podIP: string | undefined;
  readonly backoff: BackoffTimes;
  /** When somebody last asked for a retry. */
  readonly retriedAtMs: number | undefined;
  /** When the agent first saw this deletion of the pod. */
  readonly deletionSeenAtMs: number | undefined;
  /** The node's lease has lapsed and the pod may run elsewhere by now: nothing of it may run here. */
  readonly fenced: boolean;
  /** The node ends the pod, or never takes it: eviction, admission. */
  readonly ending: PodEnding | undefined;
  /** New connections may still be on their way here: the proxies have not all acknowledged that the endpoint leaves. */
  readonly isAddressed: boolean;
  readonly node: NodeRoom;
  /** Why a resize could not be made, by container name. */
  readonly resizeFailures: ReadonlyMap<string, StartFailure>;
}

export interface NodeRoom {
  readonly allocatable: { readonly cpu: number; readonly memoryBytes: number };
  /** What the other pods here leave of it. */
  readonly room: { readonly cpu: number; readonly memoryBytes: number };
  readonly memoryBytes: number;
}

/** An end that the node decides on: the pod has failed, for this reason. */
export interface PodEnding {
  readonly reason: string;
  readonly message: string;
  readonly graceSeconds: number;
  /** Told in the condition DisruptionTarget: the pod itself was not at fault. */
  readonly isDisruption: boolean;
}

export interface SandboxView {
  readonly id: string;
  readonly attempt: number;
  readonly running: boolean;
  readonly createdAtMs: number;
}

export interface ContainerView {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly attempt: number;
  /** How many attempts in a row ended soon, this one not counted. */
  readonly crashes: number;
  readonly specHash: string;
  readonly state: "created" | "running" | "exited";
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly startError: string | undefined;
  readonly image: string;
  readonly imageId: string;
  readonly terminationMessage: string;
  /** As the runtime has them set; `undefined` when it does not tell. */
  readonly resources: SetResources | undefined;
}

export interface SetResources {
  readonly cpuShares: number;
  readonly cpuQuotaUs?: number;
  readonly memoryBytes?: number;
}

export type VolumesState =
  | { readonly state: "absent" }
  | { readonly state: "ready" }
  | { readonly state: "failed"; readonly retryAtMs: number; readonly message: string };

export interface StartFailure {
  /** Kubernetes' waiting reason: ErrImagePull, ImagePullBackOff, CreateContainerConfigError … */
  readonly reason: string;
  readonly message: string;
  readonly retryAtMs: number;
}

export interface ProbeVerdicts {
  /** `undefined`: no such probe. */
  readonly startup: ProbeVerdict | undefined;
  readonly liveness: ProbeVerdict | undefined;
  readonly readiness: ProbeVerdict | undefined;
}

export interface ProbeVerdict {
  readonly result: "unknown" | "success" | "failure";
  readonly message: string;
}
