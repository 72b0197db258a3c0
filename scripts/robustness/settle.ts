// Waits until a cluster is whole again, and compares what its members have: the same revision, the same hash of the keyspace, no
// alarm. The bound in time is for a busy machine; nothing here is measured.
import { systemClock } from "@coxswain/clock";
import type { EtcdClient } from "@coxswain/etcd-api";
import type { ProcessMembers } from "./process-members.ts";

export class NotWhole extends Error {}

const boundMs = 120_000;

/** Resolves with the revision that all members have come to with one and the same hash. */
export async function settle(members: ProcessMembers): Promise<number> {
  const clients = new Map(members.names().map((name): [string, EtcdClient] => [name, members.connect(name)]));
  const deadlineMs = systemClock.monotonic() + boundMs;
  try {
    for (;;) {
      const attempt = await compare(clients);
      if (typeof attempt === "number") return attempt;
      if (systemClock.monotonic() > deadlineMs) throw new NotWhole(`two minutes after the last fault: ${attempt}`);
      await systemClock.sleep(200);
    }
  } finally {
    for (const client of clients.values()) client.close();
  }
}

/** The common revision, or what is still different. Members that differ at one and the same revision do so for ever. */
async function compare(clients: ReadonlyMap<string, EtcdClient>): Promise<number | string> {
  const states = await Promise.all(Array.from(clients, ([name, client]) => stateOf(name, client)));
  const broken = states.find((state) => typeof state === "string");
  if (broken !== undefined) return broken;
  const whole = states.filter((state) => typeof state !== "string");
  const target = Math.max(...whole.map(({ revision }) => revision));
  const hashes = await Promise.all(
    Array.from(clients, async ([name, client]) => {
      try {
        const { hash, compactRevision } = await client.maintenance.hashKV({ revision: target }, { timeoutMs: 10_000 });
        return { name, hash, compactRevision };
      } catch (error) {
        return `${name} has no hash at revision ${target}: ${(error as Error).message}`;
      }
    }),
  );
  const missing = hashes.find((each) => typeof each === "string");
  if (missing !== undefined) return missing;
  const known = hashes.filter((each) => typeof each !== "string");
  if (new Set(known.map(({ compactRevision }) => compactRevision)).size > 1)
    return "the members have compacted differently far";
  if (new Set(known.map(({ hash }) => hash)).size === 1) return target;
  throw new NotWhole(
    `different hashes at revision ${target}: ${known.map(({ name, hash }) => `${name} ${hash}`).join(", ")}`,
  );
}

interface State {
  readonly revision: number;
}

/** The revision of a linearizable read through the member, and that nothing is wrong there; or what is. */
async function stateOf(name: string, client: EtcdClient): Promise<State | string> {
  try {
    const { header } = await client.kv.range({ key: "settled" }, { timeoutMs: 5000 });
    const { errors, isLearner } = await client.maintenance.status({}, { timeoutMs: 5000 });
    if (errors.length > 0) return `${name} says ${errors.join(", ")}`;
    if (isLearner) return `${name} is a learner`;
    return { revision: header?.revision ?? 0 };
  } catch (error) {
    return `${name} does not answer: ${(error as Error).message}`;
  }
}
