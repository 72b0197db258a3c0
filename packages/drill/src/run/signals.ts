// How to tell, from outside, that the cluster has noticed a strike and that it does its work again. Each answers the milliseconds since
// the strike, or nothing when it did not come within the time.
import { deployments } from "@coxswain/api/apps/v1";
import { nodes } from "@coxswain/api/core/v1";
import { isReplaced, missingOf, rollOut } from "../api-load/canary.ts";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Observers } from "../api-load/observers.ts";
import { masters } from "../cluster/target.ts";
import type { Target } from "../cluster/target.ts";
import type { Signal } from "../drills/drill.ts";
import type { ApiWrite, RequestSeen } from "../recording.ts";

export interface Evidence {
  readonly clock: Clock;
  readonly client: Client;
  readonly namespace: string;
  readonly observers: Observers;
  readonly writes: readonly ApiWrite[];
  readonly requests: readonly RequestSeen[];
  /** Things that led before the strike. */
  readonly before: { readonly storeLeader: string; readonly leases: Readonly<Record<string, string>> };
  readonly target: Target;
  readonly machine: string;
  readonly lease: string | undefined;
}

const lookEveryMs = 50;

export async function waitFor(
  signal: Signal,
  at: number,
  withinMs: number,
  evidence: Evidence,
): Promise<number | undefined> {
  const { clock, client, namespace } = evidence;
  if (signal === "rolled-out") await rollOut(client, namespace, `${at}`).catch(() => undefined);
  const deadline = clock.now() + withinMs;
  while (clock.now() < deadline) {
    // A question that fails is asked again: that is what is being measured.
    const seen = await look(signal, at, evidence).catch(() => undefined);
    if (seen !== undefined) return Math.max(0, seen - at);
    await clock.sleep(lookEveryMs);
  }
  return undefined;
}

/** The moment at which it was so. */
async function look(signal: Signal, at: number, evidence: Evidence): Promise<number | undefined> {
  const { clock, client, observers, namespace, writes, requests, before, machine, lease } = evidence;
  switch (signal) {
    case "store-leader-changed":
      return observers.storeLeaders.find(
        (each) => each.at > at && each.leader !== "" && each.leader !== before.storeLeader,
      )?.at;
    case "write-acknowledged": {
      // Of every writer that was there: the last to be served again.
      const clients = new Set(writes.map(({ client: writer }) => writer));
      const served = [...clients].map(
        (writer) =>
          writes.find((each) => each.client === writer && each.start >= at && each.outcome.kind === "ok")?.end,
      );
      return served.length > 0 && served.every((end) => end !== undefined) ? Math.max(...served) : undefined;
    }
    case "lease-moved":
      return observers.leases.find(
        (each) =>
          each.lease === lease && each.at > at && each.holder !== "" && each.holder !== before.leases[each.lease],
      )?.at;
    case "node-not-ready": {
      const node = await client.resource(nodes).get({ name: machine }, { signal: AbortSignal.timeout(3000) });
      const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
      return ready?.status === "True" ? undefined : clock.now();
    }
    case "canary-whole":
      return (await missingOf(client, namespace)) === undefined ? clock.now() : undefined;
    case "canary-replaced":
      return (await isReplaced(client, namespace, machine)) ? clock.now() : undefined;
    case "rolled-out": {
      const web = await client
        .resource(deployments)
        .get({ namespace, name: "web" }, { signal: AbortSignal.timeout(3000) });
      const mark = web.spec?.template.metadata?.annotations?.["coxswain.io/drill-roll-out"];
      if (mark !== `${at}`) {
        await rollOut(client, namespace, `${at}`);
        return undefined;
      }
      return web.status?.observedGeneration === web.metadata.generation &&
        (await missingOf(client, namespace)) === undefined
        ? clock.now()
        : undefined;
    }
    case "request-answered":
      return requests.find((each) => each.ok && each.at >= at)?.at;
    case "members-vote":
      return (await everyMasterVotes(evidence.target)) ? clock.now() : undefined;
    case "certificates-fresh": {
      const shown = await evidence.target.certificates();
      return shown.length > 0 && shown.every(({ endsMs }) => endsMs > clock.now() + dayMs) ? clock.now() : undefined;
    }
    case "no-alarm":
      return (await alarms(evidence.target)) === 0 ? clock.now() : undefined;
  }
}

const dayMs = 24 * 3_600_000;

async function everyMasterVotes(target: Target): Promise<boolean> {
  const { store } = target;
  if (store === undefined) return false;
  const all = store.connectAll();
  const { members } = await all.cluster.memberList({ linearizable: true }).finally(() => all.close());
  const voters = members.filter(({ isLearner, clientURLs }) => !isLearner && clientURLs.length > 0);
  if (voters.length !== masters(target).length || members.length !== voters.length) return false;
  const answers = await Promise.all(
    store.names().map(async (name) => {
      const client = store.connect(name);
      const { leader, isLearner } = await client.maintenance
        .status({}, { timeoutMs: 2000 })
        .finally(() => client.close());
      return leader !== 0n && !isLearner;
    }),
  );
  return answers.every(Boolean);
}

/** How many the store has. */
export async function alarms(target: Target): Promise<number> {
  const client = target.store?.connectAll();
  if (client === undefined) throw new Error("nobody gave a certificate for the store");
  const { alarms: raised } = await client.maintenance.alarm({ action: "GET" }).finally(() => client.close());
  return raised.length;
}
