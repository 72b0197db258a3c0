// The store's members, as machines that come and go change them: a machine is added as a learner and votes when it has caught up; a dead
// voter is removed when those that are left are enough without it. Decisions are pure; the calls are at the end.
import { readFileSync } from "node:fs";
import type { Clock } from "@coxswain/clock";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import { filesOf } from "./daemons.ts";
import { MachineError } from "./failure.ts";
import type { NamedAddress } from "./record.ts";

export interface StoreMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
}

export function openStore(directory: string, servers: readonly string[], clock: Clock): EtcdClient {
  const { cert, key } = filesOf(directory);
  const tls = {
    ca: readFileSync(cert("etcd-ca")),
    cert: readFileSync(cert("apiserver-etcd-client")),
    key: readFileSync(key("apiserver-etcd-client")),
  };
  return createEtcdClient({ endpoints: servers, tls, timeoutMs: 5000, connectTimeoutMs: 2000 }, { clock });
}

export type Admission =
  | { readonly kind: "add" }
  /** It was added by an earlier try and has not started. */
  | { readonly kind: "go-on" }
  /** A dead member of the same name stands in the way. */
  | { readonly kind: "replace"; readonly id: bigint }
  | { readonly kind: "refuse"; readonly because: string };

/** What to do so that `machine` becomes a member. `alive` says which members answer. */
export function planAdmission(
  members: readonly StoreMember[],
  machine: NamedAddress,
  alive: ReadonlySet<bigint>,
): Admission {
  const url = `https://${machine.address}:2380`;
  const same = members.find((member) => member.name === machine.name || member.peerURLs.includes(url));
  if (same === undefined) return { kind: "add" };
  if (same.name === "" && same.isLearner && same.peerURLs.includes(url)) return { kind: "go-on" };
  if (alive.has(same.id))
    return {
      kind: "refuse",
      because: `a master called ${same.name || "(unnamed)"} at ${same.peerURLs.join(", ")} is a living member of the store: take another name or address, or \`cox leave\` there first`,
    };
  return { kind: "replace", id: same.id };
}

/** The dead voter to remove now; undefined when none is dead for long enough or the others would not be safe without it. */
export function planDemotion(
  members: readonly StoreMember[],
  deadSinceMs: ReadonlyMap<bigint, number>,
  nowMs: number,
  graceMs: number,
): { readonly member: StoreMember; readonly because: string } | undefined {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const dead = voters.filter(({ id }) => deadSinceMs.has(id));
  const living = voters.length - dead.length;
  for (const member of dead) {
    const forMs = nowMs - (deadSinceMs.get(member.id) ?? nowMs);
    const left = voters.length - 1;
    // All that stay must be needed no more than they are there; and two is the least that still has a copy.
    const safe = living >= 2 && living >= Math.floor(left / 2) + 1;
    if (forMs >= graceMs && safe)
      return {
        member,
        because: `it has not answered for ${Math.round(forMs / 1000)} s, and ${living} of the ${left} others live`,
      };
  }
  return undefined;
}

export async function listMembers(store: EtcdClient): Promise<readonly StoreMember[]> {
  return (await store.cluster.memberList({ linearizable: true })).members;
}

/** Which of the members answer on their client addresses. */
export async function livingMembers(
  directory: string,
  members: readonly StoreMember[],
  clock: Clock,
): Promise<ReadonlySet<bigint>> {
  const answers = await Promise.all(
    members.map(async ({ id, clientURLs }) => {
      if (clientURLs.length === 0) return undefined;
      const client = openStore(directory, clientURLs, clock);
      try {
        await client.maintenance.status({}, { timeoutMs: 3000 });
        return id;
      } catch {
        return undefined; // Not answering is the answer.
      } finally {
        client.close();
      }
    }),
  );
  return new Set(answers.filter((id) => id !== undefined));
}

/** Makes the machine a learner of the store; answers who is then in it. */
export async function admit(
  directory: string,
  servers: readonly string[],
  machine: NamedAddress,
  clock: Clock,
): Promise<readonly NamedAddress[]> {
  const store = openStore(directory, servers, clock);
  try {
    const members = await listMembers(store);
    const plan = planAdmission(members, machine, await livingMembers(directory, members, clock));
    if (plan.kind === "refuse") throw new MachineError(plan.because);
    if (plan.kind === "replace") await store.cluster.memberRemove({ id: plan.id });
    if (plan.kind !== "go-on")
      await store.cluster.memberAdd({ peerURLs: [`https://${machine.address}:2380`], isLearner: true });
    return (await listMembers(store)).map(({ name, peerURLs }) => {
      const address = new URL(peerURLs[0] ?? "https://0.0.0.0").hostname;
      return { name: address === machine.address ? machine.name : name || address, address };
    });
  } finally {
    store.close();
  }
}
