// A leader that dies, and one that falls silent, under load through the others: what was acknowledged is there, nothing is done twice,
// and every refusal is one of etcd's. How long it takes is measured by `npm run bench -- store kill`.
import type { EtcdClient } from "@coxswain/etcd-api";
import { GrpcError } from "@coxswain/etcd-api";
import { describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../testing/processes.ts";

/** One that writes keys of its own, one after the other's answer, until it is told to stop. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly refusals = new Set<string>();
  readonly #client: EtcdClient;
  readonly #name: string;
  #stopping = false;
  readonly #done: Promise<void>;
  #waiting: { readonly count: number; readonly reached: () => void } | undefined;

  constructor(client: EtcdClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#done = this.#run();
  }

  /** Resolves when so many more writes were acknowledged. */
  more(count: number): Promise<void> {
    return new Promise((reached) => (this.#waiting = { count: this.acknowledged.length + count, reached }));
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return this.#done;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopping; number++) {
      const key = `${this.#name}/${number}`;
      try {
        await this.#client.kv.put({ key, value: "x" }, { timeoutMs: 60_000 });
        this.acknowledged.push(key);
      } catch (error) {
        this.refusals.add(error instanceof GrpcError ? error.details : String(error));
      }
      if (this.#waiting && this.acknowledged.length >= this.#waiting.count) this.#waiting.reached();
    }
  }
}

const refusals = [
  "etcdserver: no leader",
  "etcdserver: leader changed",
  "etcdserver: request timed out",
  "etcdserver: request timed out, possibly due to previous leader failure",
  "etcdserver: request timed out, possibly due to connection lost",
];

describe("three members under load", () => {
  it(
    "lose no write and do none twice when the leader dies, and when it stands still",
    { timeout: 120_000 },
    async () => {
      await using group = await createProcessGroup();
      const flags = await threeFlags(group);
      const members = await Promise.all(flags.map((each) => group.start(each)));
      const written: Writer[] = [];
      for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
        const position = await leaderOf(group, flags);
        const writers = flags
          .filter((_, index) => index !== position)
          .map(({ clientPort, name }) => new Writer(group.client(clientPort), `${signal}/${name}`));
        written.push(...writers);
        await Promise.all(writers.map((writer) => writer.more(20)));
        const leader = members[position] as RunningProcess;
        if (signal === "SIGKILL") await leader.kill(signal);
        else leader.child.kill(signal);
        await Promise.all(writers.map((writer) => writer.more(50)));
        if (signal === "SIGKILL") members[position] = await group.start(flags[position] as MemberFlags);
        else leader.child.kill("SIGCONT");
        await Promise.all(writers.map((writer) => writer.more(20)));
        await Promise.all(writers.map((writer) => writer.stop()));
      }
      for (const { clientPort } of flags) {
        const { kvs } = await group.client(clientPort).kv.range({ key: "\0", rangeEnd: "\0" });
        const versions = new Map(kvs.map((kv) => [kv.key.toString(), kv.version]));
        for (const { acknowledged } of written)
          for (const key of acknowledged) expect([key, versions.get(key)]).toEqual([key, 1]);
        expect(new Set(versions.values())).toEqual(new Set([1]));
      }
      for (const writer of written) for (const refusal of writer.refusals) expect(refusals).toContain(refusal);
    },
  );
});

describe("a member that stood still while another came", () => {
  it("follows the other as its leader, and learns from it who is there", { timeout: 120_000 }, async () => {
    await using group = await createProcessGroup();
    const flags = await threeFlags(group);
    const members = await Promise.all(flags.map((each) => group.start(each)));
    // Not the leader: while its silence is being noticed, requests may be given up.
    const leads = await leaderOf(group, flags);
    const stopped = (leads + 1) % 3;
    const [first, away] = [flags[leads], flags[stopped]] as [MemberFlags, MemberFlags];
    members[stopped]?.child.kill("SIGSTOP");
    const fourth = { name: "m4", clientPort: await group.freePort(), peerPort: await group.freePort() };
    const peerUrl = `https://127.0.0.1:${fourth.peerPort}`;
    const added = await group.client(first.clientPort).cluster.memberAdd({ peerURLs: [peerUrl] });
    const initialCluster = `${first.initialCluster},m4=${peerUrl}`;
    await group.start({ ...fourth, initialCluster, more: ["--initial-cluster-state", "existing"] });
    const four = [...flags.filter((each) => each !== away), fourth];
    const leader = four[await leaderOf(group, four)] as MemberFlags;
    if (leader.name !== "m4")
      await group.client(leader.clientPort).maintenance.moveLeader({ targetId: added.member?.id ?? 0n });
    await group.client(fourth.clientPort).kv.put({ key: "news", value: "x" });
    members[stopped]?.child.kill("SIGCONT");
    expect((await group.client(away.clientPort).kv.range({ key: "news" })).count).toBe(1);
    expect((await group.client(away.clientPort).cluster.memberList({})).members).toHaveLength(4);
  });
});

async function threeFlags(group: ProcessGroup): Promise<MemberFlags[]> {
  const flags = [];
  for (const name of ["m1", "m2", "m3"])
    flags.push({ name, clientPort: await group.freePort(), peerPort: await group.freePort() });
  const initialCluster = flags.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
  return flags.map((each) => ({ ...each, initialCluster }));
}

async function leaderOf(group: ProcessGroup, flags: readonly MemberFlags[]): Promise<number> {
  for (;;) {
    for (const [position, { clientPort }] of flags.entries()) {
      const { leader, header } = await group.client(clientPort).maintenance.status({});
      if (leader !== 0n && leader === header?.memberId) return position;
    }
  }
}
