// A scheduler's configuration, read and completed: nothing optional is left open (kubescheduler.config.k8s.io/v1).
import type { PluginArgs } from "./plugin-args.ts";

export const extensionPoints = [
  "preEnqueue",
  "queueSort",
  "preFilter",
  "filter",
  "postFilter",
  "preScore",
  "score",
  "reserve",
  "permit",
  "preBind",
  "bind",
  "postBind",
] as const;
export type ExtensionPoint = (typeof extensionPoints)[number];

export interface EnabledPlugin {
  readonly name: string;
  /** Counts at `score` only. */
  readonly weight: number;
}

export interface ProfileConfiguration {
  readonly schedulerName: string;
  /** 0: chosen by the number of nodes. Undefined: as for all profiles. */
  readonly percentageOfNodesToScore: number | undefined;
  readonly plugins: Readonly<Record<ExtensionPoint, readonly EnabledPlugin[]>>;
  readonly args: PluginArgs;
}

export interface ExtenderConfiguration {
  readonly urlPrefix: string;
  readonly filterVerb: string;
  readonly preemptVerb: string;
  readonly prioritizeVerb: string;
  readonly bindVerb: string;
  readonly weight: number;
  readonly httpTimeoutMs: number;
  /** It knows the nodes: it is sent their names only. */
  readonly nodeCacheCapable: boolean;
  /** Only pods that ask for one of these concern it; without any, all do. */
  readonly managedResources: readonly { readonly name: string; readonly ignoredByScheduler: boolean }[];
  /** When it does not answer, scheduling goes on without it. */
  readonly ignorable: boolean;
  readonly tls: ExtenderTls | undefined;
}

export interface ExtenderTls {
  readonly insecure: boolean;
  readonly serverName: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Base64. */
  readonly certData: string;
  readonly keyData: string;
  readonly caData: string;
}

export interface LeaderElectionConfiguration {
  readonly leaderElect: boolean;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly resourceName: string;
  readonly resourceNamespace: string;
}

export interface SchedulerConfiguration {
  readonly kubeconfig: string | undefined;
  /** Undefined: what the flags say. */
  readonly leaderElection: LeaderElectionConfiguration | undefined;
  readonly parallelism: number;
  readonly percentageOfNodesToScore: number;
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  readonly profiles: readonly ProfileConfiguration[];
  readonly extenders: readonly ExtenderConfiguration[];
}
