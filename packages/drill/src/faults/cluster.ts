// The faults of a cluster as functions from an aim to actions: `available` says why not, `inject` what is done, and what heals follows
// from the actions (cluster/action.ts). They do nothing themselves, so that everything can be written down before it is done.
import type { Act, Action, DaemonName } from "../cluster/action.ts";
import { nodeDaemons } from "../cluster/action.ts";
import type { Target } from "../cluster/target.ts";

/** Whom a strike hits: a machine and, for faults of daemons, one of its daemons. */
export interface Aim {
  readonly machine: string;
  readonly daemon?: DaemonName;
}

export interface ClusterFault {
  readonly name: string;
  readonly needs: readonly Act[];
  inject(aim: Aim, target: Target): readonly Action[];
}

const daemonFault = (name: string, act: "kill" | "stop" | "pause-daemon"): ClusterFault => ({
  name,
  needs: [act],
  inject: ({ machine, daemon }) => (daemon === undefined ? [] : [{ act, machine, daemon }]),
});

const machineFault = (
  name: string,
  act: "power-off" | "pause-machine" | "restart-engine" | "flush-rules",
): ClusterFault => ({
  name,
  needs: [act],
  inject: ({ machine }) => [{ act, machine }],
});

const others = (machine: string, target: Target): readonly string[] =>
  target.machines.map(({ name }) => name).filter((name) => name !== machine);

export const clusterFaults = {
  kill: daemonFault("kill -9", "kill"),
  stop: daemonFault("graceful stop", "stop"),
  pause: daemonFault("pause (SIGSTOP)", "pause-daemon"),
  powerOff: machineFault("power off", "power-off"),
  pauseMachine: machineFault("machine paused", "pause-machine"),
  restartEngine: machineFault("container engine restarted", "restart-engine"),
  flushRules: machineFault("packet-filter rules flushed by a stranger", "flush-rules"),
  partition: {
    name: "partition of one machine from all others",
    needs: ["cut"],
    inject: ({ machine }, target) =>
      others(machine, target).flatMap((other): Action[] => [
        { act: "cut", from: machine, to: other },
        { act: "cut", from: other, to: machine },
      ]),
  },
  oneWay: {
    name: "partition in one direction: nobody hears it",
    needs: ["cut"],
    inject: ({ machine }, target) => others(machine, target).map((to): Action => ({ act: "cut", from: machine, to })),
  },
  ring: {
    name: "partition in a ring: each machine loses sight of the next",
    needs: ["cut"],
    inject: (_aim, target) => {
      const names = target.machines.filter(({ master }) => master).map(({ name }) => name);
      return names.flatMap((from, index): Action[] => {
        const to = names[(index + 1) % names.length] ?? from;
        return names.length < 3 ? [] : [{ act: "cut", from, to }];
      });
    },
  },
  restartAgent: {
    name: "engine and node agent restarted",
    needs: ["restart-engine", "kill"],
    inject: ({ machine }) => [
      { act: "restart-engine", machine },
      { act: "kill", machine, daemon: "node-agent" },
    ],
  },
  rulesLock: {
    name: "rules flushed while somebody holds their lock",
    needs: ["hold-rules-lock", "flush-rules"],
    inject: ({ machine }) => [
      { act: "flush-rules", machine },
      { act: "hold-rules-lock", machine, seconds: 5 },
    ],
  },
  starveProcessor: {
    name: "processor starved",
    needs: ["burn-cpu"],
    inject: ({ machine }) => [{ act: "burn-cpu", machine, seconds: 10 }],
  },
  rollingRestart: {
    name: "rolling restart of the node's daemons",
    needs: ["stop"],
    inject: ({ machine }) => nodeDaemons.map((daemon): Action => ({ act: "stop", machine, daemon })),
  },
  rollOut: { name: "rolling update of the web deployment", needs: [], inject: () => [{ act: "roll-out" }] },
} as const satisfies Readonly<Record<string, ClusterFault>>;

export type FaultName = keyof typeof clusterFaults;

/** Why the fault cannot be had on this target. */
export function unavailable(fault: ClusterFault, target: Target): string | undefined {
  return fault.needs.map((act) => target.unable(act)).find((why) => why !== undefined);
}
