// Real processes, TLS and files: what was acknowledged survives kill -9, three members survive one, members come and go.
import { describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../testing/processes.ts";

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe("one member", () => {
  it(
    "loses nothing it has acknowledged when it is killed under load, again and again",
    { timeout: 60_000 },
    async () => {
      await using group = await createProcessGroup();
      const flags = { name: "m1", clientPort: await group.freePort() };
      const acknowledged = new Map<string, string>();
      for (let round = 0; round < 5; round++) {
        const member = await group.start(flags);
        const client = group.client(flags.clientPort);
        let writing = true;
        const writers = Array.from({ length: 16 }, async (_, writer) => {
          for (let count = 0; writing; count++) {
            const [key, value] = [`${writer}/${count % 50}`, `${round}.${count}`];
            try {
              await client.kv.put({ key, value });
              acknowledged.set(key, value);
            } catch {
              // Whether it was done, nobody knows: the key may hold this value or the one before.
              acknowledged.delete(key);
              return;
            }
          }
        });
        await Promise.race([new Promise((resolve) => setTimeout(resolve, 200 + round * 50)), ...writers]);
        await member.kill("SIGKILL");
        writing = false;
        await Promise.all(writers);
        client.close();
      }
      await group.start(flags);
      const { kvs } = await group.client(flags.clientPort).kv.range({ key: "\0", rangeEnd: "\0" });
      const found = new Map(kvs.map((kv) => [text(kv.key), text(kv.value)]));
      expect(acknowledged.size).toBeGreaterThan(100);
      for (const [key, value] of acknowledged) expect(found.get(key), key).toBe(value);
    },
  );

  it("keeps leases, revisions and compaction over a restart", { timeout: 30_000 }, async () => {
    await using group = await createProcessGroup();
    const flags = { name: "m1", clientPort: await group.freePort() };
    const member = await group.start(flags);
    const client = group.client(flags.clientPort);
    await client.lease.leaseGrant({ id: 7n, ttl: 100 });
    await client.kv.put({ key: "a", value: "1", lease: 7n });
    await client.kv.put({ key: "a", value: "2", lease: 7n });
    await client.kv.put({ key: "b", value: "3" });
    await client.kv.compact({ revision: 3 });
    await member.kill("SIGKILL");
    await group.start(flags);
    expect(await client.lease.leaseTimeToLive({ id: 7n, keys: true })).toMatchObject({
      id: 7n,
      grantedTTL: 100,
      keys: [Buffer.from("a")],
    });
    expect(await client.kv.range({ key: "a" })).toMatchObject({
      header: { revision: 4 },
      kvs: [{ modRevision: 3, createRevision: 2, version: 2 }],
    });
    await expect(client.kv.range({ key: "a", revision: 2 })).rejects.toMatchObject({
      code: 11,
      details: "etcdserver: mvcc: required revision has been compacted",
    });
    await client.lease.leaseRevoke({ id: 7n });
    expect((await client.kv.range({ key: "a" })).kvs).toEqual([]);
  });

  it("refuses to start twice on the same data, in one sentence", { timeout: 30_000 }, async () => {
    await using group = await createProcessGroup();
    const flags = { name: "m1", clientPort: await group.freePort() };
    await group.start(flags);
    await expect(group.start({ ...flags, clientPort: await group.freePort() })).rejects.toThrow(
      /^store: the data directory is in use by another process: .*backend$/,
    );
  });

  it("lets a lease run out and tells the watchers", { timeout: 30_000 }, async () => {
    await using group = await createProcessGroup();
    const flags = {
      name: "m1",
      clientPort: await group.freePort(),
      more: ["--heartbeat-interval", "20", "--election-timeout", "200"],
    };
    await group.start(flags);
    const client = group.client(flags.clientPort);
    await client.lease.leaseGrant({ id: 9n, ttl: 1 });
    await client.kv.put({ key: "short", value: "x", lease: 9n });
    for await (const batch of client.watch({ key: "short", startRevision: 3, signal: AbortSignal.timeout(10_000) })) {
      if (batch.events.length === 0) continue;
      const [event] = batch.events;
      expect([event?.type, text(event?.kv?.key)]).toEqual(["DELETE", "short"]);
      break;
    }
  });
});

interface Three {
  readonly flags: readonly (MemberFlags & { readonly peerPort: number })[];
  readonly members: RunningProcess[];
}

async function startThree(group: ProcessGroup): Promise<Three> {
  const flags = [];
  for (const name of ["m1", "m2", "m3"])
    flags.push({ name, clientPort: await group.freePort(), peerPort: await group.freePort() });
  const initialCluster = flags.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
  const all = flags.map((each) => ({ ...each, initialCluster }));
  return { flags: all, members: await Promise.all(all.map((each) => group.start(each))) };
}

describe("three members", () => {
  it("go on without their leader, lose nothing, and take it back", { timeout: 60_000 }, async () => {
    await using group = await createProcessGroup();
    const { flags, members } = await startThree(group);
    const ports = flags.map((each) => each.clientPort);
    for (let round = 0; round < 3; round++) {
      const first = group.client(ports[0] ?? 0);
      await first.kv.put({ key: `before ${round}`, value: "x" });
      const { leader } = await first.maintenance.status({});
      const list = await first.cluster.memberList({});
      const position = flags.findIndex(
        ({ name }) => list.members.find((member) => member.id === leader)?.name === name,
      );
      const other = ports[(position + 1) % 3] ?? 0;
      await members[position]?.kill("SIGKILL");
      // Through a member that still believes in the dead leader: the write waits for the next one and succeeds.
      await group.client(other).kv.put({ key: `after ${round}`, value: "y" });
      expect((await group.client(other).kv.range({ key: `before ${round}` })).count).toBe(1);
      const flag = flags[position];
      if (flag) members[position] = await group.start(flag);
    }
    const answers = await Promise.all(ports.map((port) => group.client(port).kv.range({ key: "\0", rangeEnd: "\0" })));
    expect(answers.map((answer) => answer.count)).toEqual([6, 6, 6]);
    const hashes = await Promise.all(
      ports.map((port) => group.client(port).maintenance.hashKV({ revision: answers[0]?.header?.revision ?? 0 })),
    );
    expect(new Set(hashes.map((answer) => answer.hash)).size).toBe(1);
  });

  it("lose their quorum with two, say so, and come back", { timeout: 60_000 }, async () => {
    await using group = await createProcessGroup();
    const { flags, members } = await startThree(group);
    const client = group.client(flags[0]?.clientPort ?? 0);
    await client.kv.put({ key: "a", value: "1" });
    await members[1]?.kill("SIGKILL");
    await members[2]?.kill("SIGKILL");
    await expect(client.kv.put({ key: "a", value: "2" }, { timeoutMs: 12_000 })).rejects.toMatchObject({ code: 14 });
    expect((await client.kv.range({ key: "a", serializable: true })).kvs[0]?.value.toString()).toBe("1");
    await Promise.all([group.start(flags[1] as MemberFlags), group.start(flags[2] as MemberFlags)]);
    await client.kv.put({ key: "b", value: "3" });
    expect((await client.kv.range({ key: "b" })).count).toBe(1);
  });

  it("take in a fourth as a learner by snapshot, promote it, and let one go", { timeout: 60_000 }, async () => {
    await using group = await createProcessGroup();
    const { flags } = await startThree(group);
    const client = group.client(flags[0]?.clientPort ?? 0);
    for (let count = 0; count < 20; count++) await client.kv.put({ key: `k${count}`, value: "v" });
    const fourth = { name: "m4", clientPort: await group.freePort(), peerPort: await group.freePort() };
    const peerUrl = `https://127.0.0.1:${fourth.peerPort}`;
    const { member } = await client.cluster.memberAdd({ peerURLs: [peerUrl], isLearner: true });
    const initialCluster = `${flags[0]?.initialCluster},m4=${peerUrl}`;
    await group.start({ ...fourth, initialCluster, more: ["--initial-cluster-state", "existing"] });
    const joined = group.client(fourth.clientPort);
    expect((await joined.kv.range({ key: "k19", serializable: true })).count).toBe(1);
    const { leader } = await client.maintenance.status({});
    const { members } = await client.cluster.memberList({});
    const leading = flags.find(({ name }) => members.find((each) => each.id === leader)?.name === name);
    await group.client(leading?.clientPort ?? 0).cluster.memberPromote({ id: member?.id ?? 0n });
    const removable = members.find(
      (each) => each.id !== leader && each.id !== member?.id && each.name !== flags[0]?.name,
    );
    const { members: left } = await client.cluster.memberRemove({ id: removable?.id ?? 0n });
    expect(left.map((each) => each.isLearner)).toEqual([false, false, false]);
    await joined.kv.put({ key: "from the new one", value: "x" });
    expect((await client.kv.range({ key: "from the new one" })).count).toBe(1);
  });
});
