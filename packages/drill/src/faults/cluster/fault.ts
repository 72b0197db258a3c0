// A fault of a cluster is a function from an aim to actions: `available` says why it cannot be had, `inject` what is done, `heal` what
// takes it back. It does nothing itself, so that everything can be written down before it is done.
import { undoAll } from "../../cluster/action.ts";
import type { Action, DaemonName, Link, Need } from "../../cluster/action.ts";
import type { Hardship } from "../../cluster/hardship.ts";
import type { Target } from "../../cluster/target.ts";
import type { AimRule } from "../../drills/drill.ts";

/** Whom a strike hits: a machine and, for faults of daemons, one of its daemons. */
export interface Aim {
  readonly machine: string;
  readonly daemon?: DaemonName;
}

export interface ClusterFault {
  readonly name: string;
  /** Whom it hits where nobody says (D-20). */
  readonly usual: AimRule;
  /** Why it cannot be had on this target; undefined if it can. */
  available(target: Pick<Target, "unable">): string | undefined;
  inject(aim: Aim, target: Pick<Target, "machines">): readonly Action[];
  heal(injected: readonly Action[]): readonly Action[];
}

export function clusterFault(what: {
  readonly name: string;
  readonly usual: AimRule;
  readonly needs: readonly Need[];
  readonly inject: (aim: Aim, target: Pick<Target, "machines">) => readonly Action[];
}): ClusterFault {
  const { name, usual, needs, inject } = what;
  return {
    name,
    usual,
    available: (target) => needs.map((need) => target.unable(need)).find((why) => why !== undefined),
    inject,
    heal: undoAll,
  };
}

/** Kills, stops or pauses the daemon that is aimed at. */
export function daemonFault(name: string, act: "kill" | "stop" | "pause-daemon", usual: AimRule): ClusterFault {
  const inject = ({ machine, daemon }: Aim): readonly Action[] =>
    daemon === undefined ? [] : [{ act, machine, daemon }];
  return clusterFault({ name, usual, needs: [act], inject });
}

export function machineFault(
  name: string,
  act: "power-off" | "pause-machine" | "restart-engine" | "flush-rules",
  usual: AimRule,
): ClusterFault {
  return clusterFault({ name, usual, needs: [act], inject: ({ machine }) => [{ act, machine }] });
}

/** One hardship on the machine that is aimed at. */
export function hardshipFault(name: string, what: Hardship, amount: number, usual: AimRule): ClusterFault {
  return clusterFault({
    name,
    usual,
    needs: [what],
    inject: ({ machine }) => [{ act: "impose", what, machine, amount }],
  });
}

/** All links in one action: whoever is cut off is so from one moment on. */
export const cut = (links: readonly Link[]): readonly Action[] => [{ act: "cut", links }];

export const bothWays = (one: string, other: string): readonly Link[] => [
  { from: one, to: other },
  { from: other, to: one },
];

export const others = (machine: string, target: Pick<Target, "machines">): readonly string[] =>
  target.machines.map(({ name }) => name).filter((name) => name !== machine);
