// What a drill does to a cluster, as values: they can be drawn from a seed, written down before they are done, undone by somebody
// else after the driver has died, and shown in a report. Nothing is done here.
import { hardships } from "./hardship.ts";
import type { Hardship } from "./hardship.ts";

export type DaemonName = "store" | "apiserver" | "scheduler" | "controller-manager" | "node-agent" | "proxy" | "dns";

export const masterDaemons: readonly DaemonName[] = ["store", "apiserver", "scheduler", "controller-manager"];
export const nodeDaemons: readonly DaemonName[] = ["node-agent", "proxy", "dns"];

/** One direction between two machines. */
export interface Link {
  readonly from: string;
  readonly to: string;
}

export type Action =
  /** SIGKILL, SIGTERM; whoever supervises the daemon starts it again. */
  | { readonly act: "kill" | "stop"; readonly machine: string; readonly daemon: DaemonName }
  | { readonly act: "pause-daemon" | "resume-daemon"; readonly machine: string; readonly daemon: DaemonName }
  | {
      readonly act: "power-off" | "power-on" | "pause-machine" | "resume-machine" | "restart-engine" | "flush-rules";
      readonly machine: string;
    }
  /** Holds the lock of iptables; ends by itself. */
  | { readonly act: "hold-rules-lock"; readonly machine: string; readonly seconds: number }
  /** Drops what each `from` sends to its `to`, on all links from the same moment on. */
  | { readonly act: "cut"; readonly links: readonly Link[] }
  | { readonly act: "mend" }
  /** A condition that stays until it is lifted. */
  | {
      readonly act: "impose" | "lift";
      readonly what: Hardship;
      readonly machine: string;
      readonly amount: number;
    }
  /** Through the API: every pod of the drill's own deployment is replaced. */
  | { readonly act: "roll-out" };

export type Act = Action["act"];

/** What a fault must be able to do. */
export type Need = Act | Hardship;

/** What takes it back; undefined where nothing is left behind. Harmless when done twice, or when the action never happened. */
export function undoOf(action: Action): Action | undefined {
  switch (action.act) {
    case "pause-daemon":
      return { ...action, act: "resume-daemon" };
    case "power-off":
    case "restart-engine":
      // Power is there already after a restart; giving it once more starts an engine that did not come back.
      return { act: "power-on", machine: action.machine };
    case "pause-machine":
      return { ...action, act: "resume-machine" };
    case "cut":
      return { act: "mend" };
    case "impose":
      return { ...action, act: "lift" };
    default:
      return undefined;
  }
}

/** The undoings of several, last first, each once. */
export function undoAll(actions: readonly Action[]): readonly Action[] {
  const undoings = new Map<string, Action>();
  for (const action of actions.toReversed()) {
    const undo = undoOf(action);
    if (undo !== undefined) undoings.set(JSON.stringify(undo), undo);
  }
  return [...undoings.values()];
}

/** For people: "kill store on m1". */
export function describe(action: Action): string {
  switch (action.act) {
    case "kill":
    case "stop":
    case "pause-daemon":
    case "resume-daemon":
      return `${action.act.replace("-daemon", "")} ${action.daemon} on ${action.machine}`;
    case "cut":
      return `cut ${action.links.map(({ from, to }) => `${from} → ${to}`).join(", ")}`;
    case "mend":
      return "mend the network";
    case "roll-out":
      return "roll out the drill's web deployment";
    case "hold-rules-lock":
      return `${action.act} on ${action.machine} for ${action.seconds} s`;
    case "impose":
      return `${action.what} (${action.amount}) on ${action.machine}: ${hardships[action.what]}`;
    case "lift":
      return `${action.what} on ${action.machine} lifted`;
    default:
      return `${action.act} ${action.machine}`;
  }
}
