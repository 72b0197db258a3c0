// Everything a drill saw, as plain JSON: it is kept, and judged again by newer checkers. Moments are milliseconds since the epoch of
// the driver's clock, which in a lab is everybody's.
import type { Action } from "./cluster/action.ts";
import type { Pace } from "./drills/drill.ts";
import type { History } from "./history.ts";

export interface Recording {
  readonly format: 1;
  readonly id: string;
  readonly drill: string;
  /** Of the cluster; older recordings do not say. */
  readonly pace?: Pace;
  readonly seed: number;
  readonly command: string;
  readonly target: { readonly kind: string; readonly name: string; readonly machines: readonly string[] };
  readonly versions: Readonly<Record<string, string>>;
  readonly loadAverage: { readonly before: number; readonly after: number };
  readonly phases: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  readonly strikes: readonly Strike[];
  /** Why the drill did not do what it set out to do. */
  readonly failures: readonly string[];
  readonly writes: readonly ApiWrite[];
  readonly watches: readonly ApiWatch[];
  /** Objects of the writers as they were read in the end; undefined when they could not be read. */
  readonly finalObjects: readonly FinalObject[] | undefined;
  readonly leases: readonly LeaseSeen[];
  readonly storeLeaders: readonly { readonly at: number; readonly leader: string }[];
  readonly requests: readonly RequestSeen[];
  readonly containers: readonly ContainerEvent[];
  readonly end: EndState | undefined;
  /** How few ready pods the disruption budget's deployment ever had, and when. */
  readonly readiness: readonly { readonly at: number; readonly ready: number }[];
  /** Older recordings have none. */
  readonly probes?: readonly Probe[];
  readonly store: { readonly history: History; readonly beginning: number; readonly prefix: string } | undefined;
}

/** What was found while a fault lasted. */
export interface Probe {
  readonly at: number;
  readonly strike: number;
  readonly promise: string;
  readonly kept: boolean;
  readonly because: string;
}

export interface Strike {
  readonly number: number;
  readonly fault: string;
  readonly aim: string;
  readonly actions: readonly Action[];
  readonly at: number;
  /** When its healing began. */
  readonly healingAt?: number;
  readonly healedAt?: number;
  /** Until the cluster noticed: a new leader, a node NotReady. */
  readonly detectMs?: number;
  /** Until it did its work again. */
  readonly recoverMs?: number;
  /** It did not happen, or never ended. */
  readonly failed?: string;
}

export interface ApiWrite {
  readonly id: number;
  readonly client: number;
  readonly verb: "create" | "update" | "delete";
  readonly name: string;
  /** Never twice the same. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
  readonly outcome:
    | { readonly kind: "ok"; readonly resourceVersion: string }
    | { readonly kind: "failed"; readonly reason: string }
    | { readonly kind: "unknown"; readonly reason: string };
}

/** One client's watch over all its lives: what a client that resumes is promised. */
export interface ApiWatch {
  readonly id: number;
  readonly server: string;
  readonly events: readonly ApiEvent[];
  /** Moments at which the stream broke and was taken up again from the last resourceVersion; "gone" when it had to list anew. */
  readonly resumes: readonly {
    readonly at: number;
    readonly from: string;
    readonly why: string;
    readonly gone: boolean;
  }[];
  /** It was still open in the end and had had time to see everything. */
  readonly complete: boolean;
}

export interface ApiEvent {
  readonly at: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "LISTED";
  readonly name: string;
  readonly value: string;
  readonly resourceVersion: string;
}

export interface FinalObject {
  readonly name: string;
  readonly value: string;
  readonly resourceVersion: string;
}

export interface LeaseSeen {
  readonly at: number;
  readonly lease: string;
  readonly holder: string;
  readonly transitions: number;
  readonly durationSeconds: number;
  readonly renewMs: number;
  readonly acquireMs: number;
  readonly resourceVersion: string;
}

export interface RequestSeen {
  readonly at: number;
  readonly ms: number;
  readonly ok: boolean;
  readonly client: string;
  readonly why?: string;
}

export interface ContainerEvent {
  readonly at: number;
  readonly machine: string;
  readonly id: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** "seen": it ran when we began to look, or looked again; "lost": its machine had no power. */
  readonly event: "start" | "die" | "seen" | "lost";
}

export interface EndState {
  readonly convergedMs: number | undefined;
  readonly missing: string;
  readonly pods: readonly {
    readonly name: string;
    readonly uid: string;
    readonly node: string;
    readonly phase: string;
    readonly ready: boolean;
    readonly restarts: number;
    readonly cpuMilli: number;
    readonly memory: number;
  }[];
  readonly nodes: readonly {
    readonly name: string;
    readonly cpuMilli: number;
    readonly memory: number;
    readonly pods: number;
  }[];
  readonly workloads: readonly { readonly name: string; readonly wanted: number; readonly found: number }[];
  readonly containers: readonly {
    readonly machine: string;
    readonly id: string;
    readonly pod: string;
    readonly uid: string;
  }[];
  /** Machines whose engine could not be asked. */
  readonly unasked: readonly string[];
}
