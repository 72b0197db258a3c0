// What a pod's worker remembers between looks: its own attempts and what it has reported. Everything else is read anew.
import type { Pod, PodStatus } from "@coxswain/api/core/v1";
import { retryAskedAtMs } from "../../core/pod/backoff.ts";
import { ownConditions } from "../../core/pod/overwritten.ts";
import type { PodEnding, StartFailure, VolumesState } from "../../core/pod/view.ts";

/** What a worker remembers between looks: its own attempts and what it reported. */
export interface PodState {
  apiPod: Pod;
  lastStatus: PodStatus | undefined;
  /** The newest specification with the newest status, whichever side it comes from. */
  readonly pod: Pod;
  gone: boolean;
  /** The newest status as text, and the one that the API has. */
  reported: string;
  written: string;
  writtenStatus: PodStatus | undefined;
  /** The resource version that the last write of it has made. */
  writtenVersion: string | undefined;
  because: string;
  seenAtMs: number;
  attachedIP: string | undefined;
  volumes: VolumesState;
  sandboxFailure: (StartFailure & { readonly delayMs: number }) | undefined;
  readonly failures: Map<string, StartFailure & { readonly delayMs: number }>;
  /** Whether the pod's endpoint has been taken from the proxies; undefined while nobody has asked for it. */
  withdrawal: "under way" | "done" | undefined;
  readonly busy: Map<string, Promise<void>>;
  readonly stopping: Map<string, number>;
  /** The wait that each container's last BackOff event was about. */
  readonly toldBackoffs: Map<string, string>;
  /** What happened when while the pod began here; the first time of each counts. */
  readonly timeline: Map<string, number>;
  retriedAtMs: number | undefined;
  deletionSeenAtMs: number | undefined;
  /** By how much the wall clock was ahead of the one that nobody sets, at the last look. */
  clockOffsetMs: number | undefined;
  fenced: boolean;
  ending: PodEnding | undefined;
  readonly resizeFailures: Map<string, StartFailure>;
}

export function createPodState(pod: Pod): PodState {
  return {
    apiPod: pod,
    lastStatus: undefined,
    get pod(): Pod {
      return this.lastStatus
        ? { ...this.apiPod, status: withForeignConditions(this.lastStatus, this.apiPod.status) }
        : this.apiPod;
    },
    gone: false,
    reported: "",
    written: "",
    writtenStatus: undefined,
    writtenVersion: undefined,
    because: "",
    seenAtMs: 0,
    attachedIP: undefined,
    volumes: { state: "absent" },
    sandboxFailure: undefined,
    failures: new Map(),
    withdrawal: undefined,
    busy: new Map(),
    stopping: new Map(),
    toldBackoffs: new Map(),
    timeline: new Map(),
    retriedAtMs: retryAskedAtMs(pod),
    deletionSeenAtMs: undefined,
    clockOffsetMs: undefined,
    fenced: false,
    ending: undefined,
    resizeFailures: new Map(),
  };
}

export function mark(state: PodState, phase: string, nowMs: number): void {
  if (!state.timeline.has(phase)) state.timeline.set(phase, nowMs);
}

/** Our status is the newest for what we decide; conditions of others (readiness gates) are newest in the API. */
function withForeignConditions(own: PodStatus, api: PodStatus | undefined): PodStatus {
  const foreign = (api?.conditions ?? []).filter((condition) => !ownConditions.has(condition.type));
  return {
    ...own,
    conditions: [...(own.conditions ?? []).filter((condition) => ownConditions.has(condition.type)), ...foreign],
  };
}

export function nameOf(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`;
}
