// Whom the next strike hits: the rule of the drill, applied to what is seen at this moment. Chance comes from the seed.
import { pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import type { Random } from "@coxswain/clock";
import type { Observers } from "../api-load/observers.ts";
import { masters, workers } from "../cluster/target.ts";
import type { Target } from "../cluster/target.ts";
import type { AimRule } from "../drills/drill.ts";
import type { Aim } from "../faults/cluster/fault.ts";

export interface Sight {
  readonly target: Target;
  readonly client: Client;
  readonly observers: Observers;
  readonly namespace: string;
  /** Where the clients of the web service run. */
  readonly clientsOn: string | undefined;
  readonly random: Random;
}

/** Throws a sentence when there is nobody to hit. */
export async function takeAim(rule: AimRule, number: number, sight: Sight): Promise<Aim> {
  const { target, observers } = sight;
  const daemon = "daemon" in rule && rule.daemon !== undefined ? { daemon: rule.daemon } : {};
  switch (rule.who) {
    case "nobody":
      return { machine: "" };
    case "store-leader": {
      const leader = observers.storeLeaders.at(-1)?.leader;
      if (leader === undefined || leader === "") throw new Error("nobody says that it leads the store");
      return { machine: leader, ...daemon };
    }
    case "lease-holder": {
      const holder = observers.leader(rule.lease) ?? "";
      const machine = holder.slice(0, holder.lastIndexOf("_"));
      if (!target.machines.some(({ name }) => name === machine))
        throw new Error(`the holder of ${rule.lease} ("${holder}") names no machine of the cluster`);
      return { machine, ...daemon };
    }
    case "each-master":
    case "each-worker": {
      const those = rule.who === "each-master" ? masters(target) : workers(target);
      const machine = those[(number - 1) % Math.max(1, those.length)]?.name;
      if (machine === undefined) throw new Error("there is no such machine");
      return { machine, ...daemon };
    }
    case "other-master": {
      const leader = observers.storeLeaders.at(-1)?.leader;
      const machine = masters(target).findLast(({ name }) => name !== leader)?.name;
      if (machine === undefined) throw new Error("there is no other master");
      return { machine, ...daemon };
    }
    case "busy-worker":
      return { machine: await busyWorker(sight), ...daemon };
  }
}

async function busyWorker({ target, client, namespace, clientsOn, random }: Sight): Promise<string> {
  const { items } = await client.resource(pods).list({ namespace, signal: AbortSignal.timeout(5000) });
  const busy = [...new Set(items.map(({ spec }) => spec?.nodeName ?? ""))].filter((name) =>
    workers(target).some((worker) => worker.name === name),
  );
  const free = busy.filter((name) => name !== clientsOn);
  const candidates = free.length > 0 ? free : busy;
  const chosen = candidates[random.int(Math.max(1, candidates.length))];
  if (chosen === undefined) throw new Error("no worker runs a pod of the drill");
  return chosen;
}
