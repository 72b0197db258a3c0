// What a drill is: data. What it breaks and how often, whom it aims at, what must be there, which load runs, and which promises are
// judged with which bounds. The runner reads it; nothing in a drill is code.
import type { DaemonName } from "../cluster/action.ts";
import type { FaultName } from "../faults/cluster/catalogue.ts";
import type { ProbeName } from "../run/probes.ts";

export interface Drill {
  readonly id: string;
  readonly title: string;
  /** One sentence for whoever has to consent. */
  readonly breaks: string;
  /** Rows of the project's checklist that it proves. */
  readonly proves: readonly string[];
  /** One for all strikes, or several that take turns; each of several that cannot be had is left out and said. */
  readonly fault: FaultName | readonly FaultName[];
  /** Undefined: whom each fault usually hits. */
  readonly aim?: AimRule;
  /** Strikes, unless `--for` sets a time. */
  readonly strikes: number;
  /** How long a fault stays before it is healed; 0 for faults that leave nothing. */
  readonly holdMs: number;
  /** Time runs from the beginning of the healing, where nothing can be expected before: a disk that is lost stays lost. */
  readonly recoverFrom?: "healing";
  /** How long to go on looking after the healing, before the next strike or the end. */
  readonly afterMs?: number;
  /** What is looked at while the fault lasts, and promised for that time. */
  readonly probes?: readonly ProbeName[];
  readonly needs: { readonly masters?: number; readonly workers?: number };
  readonly load: {
    readonly writers: number;
    /** Operations on keys of the store itself, judged for linearizability. */
    readonly store: boolean;
    /** Requests a second to the web service. */
    readonly requestsPerSecond: number;
    /** Services with the web pods behind them that stand beside that one. */
    readonly services?: number;
  };
  /** How to tell that the cluster has noticed, and that it works again. */
  readonly detect?: Signal;
  readonly recover: Signal;
  readonly bounds: Bounds;
  /** What is different on a cluster that runs in the `fast` profile. */
  readonly fast?: Partial<Pick<Drill, "breaks" | "holdMs" | "bounds">>;
}

/** What runs beside most drills. */
export const load = { writers: 6, store: false, requestsPerSecond: 20 } as const;

/** How soon the cluster acts on silence: Kubernetes' own times, or `npm start -- --profile fast`. */
export type Pace = "default" | "fast";

/** The drill as it is for a cluster of that pace. */
export function paced(drill: Drill, pace: Pace): Drill {
  return pace === "fast" ? { ...drill, ...drill.fast } : drill;
}

export type AimRule =
  | { readonly who: "store-leader"; readonly daemon?: DaemonName }
  | {
      readonly who: "lease-holder";
      readonly lease: "kube-scheduler" | "kube-controller-manager";
      readonly daemon: DaemonName;
    }
  /** Strike after strike the next one. */
  | { readonly who: "each-master" | "each-worker"; readonly daemon?: DaemonName }
  /** The last master that does not lead the store. */
  | { readonly who: "other-master"; readonly daemon?: DaemonName }
  /** A worker that runs pods of the canary and none of the clients. */
  | { readonly who: "busy-worker"; readonly daemon?: DaemonName }
  | { readonly who: "nobody" };

export type Signal =
  | "store-leader-changed"
  | "write-acknowledged"
  | "lease-moved"
  | "node-not-ready"
  | "canary-whole"
  | "canary-replaced"
  | "request-answered"
  | "rolled-out"
  /** Every master has a member of the store that votes and answers. */
  | "members-vote"
  /** Every daemon shows a certificate on its port that is good for days. */
  | "certificates-fresh"
  /** The store has no alarm. */
  | "no-alarm";

export interface Bounds {
  readonly writeGap?: { readonly percentile: number; readonly mostMs: number };
  /** Lost requests are excused so long after a strike and its healing. */
  readonly requests?: { readonly graceMs: number; readonly mostGapMs: number };
  readonly detectMs?: number;
  readonly recoverMs?: number;
  readonly convergeMs: number;
  /** Every watch was told to list anew: nobody may believe that it missed nothing. */
  readonly listsAnew?: true;
  /** Containers of the canary that ran before must run on: nothing may restart them. */
  readonly noRestarts?: true;
  /** The strike is a voluntary disruption, so the disruption budget holds. */
  readonly voluntary?: true;
}
