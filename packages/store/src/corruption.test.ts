// Data that is whole but wrong, and a member that goes on alone: what checksums cannot see, the members see in each other.
import { join } from "node:path";
import { openMvcc, decodeRecord, encodeRecord } from "@coxswain/mvcc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../testing/processes.ts";
import { differingMembers } from "./core/corruption.ts";
import { openLevelBackend } from "./io/backend/level-backend.ts";

type Flags = MemberFlags & { readonly peerPort: number };
const fast = ["--heartbeat-interval", "50", "--election-timeout", "500"];
const checked = [...fast, "--experimental-corrupt-check-time", "500ms"];

it("believes the larger group, or itself, and compares only what is comparable", () => {
  const member = (id: bigint, hash: number, compactRevision = -1) => ({ id, hash, revision: 9, compactRevision });
  expect(differingMembers([member(1n, 5), member(2n, 5), member(3n, 5)], 1n)).toEqual([]);
  expect(differingMembers([member(1n, 5), member(2n, 6), member(3n, 5)], 1n)).toEqual([2n]);
  expect(differingMembers([member(1n, 5), member(2n, 6), member(3n, 6)], 1n)).toEqual([1n]);
  expect(differingMembers([member(1n, 5), member(2n, 6)], 1n)).toEqual([2n]);
  expect(differingMembers([member(1n, 5), member(2n, 6, 4)], 1n)).toEqual([]);
});

describe("a cluster", { timeout: 90_000 }, () => {
  let group: ProcessGroup;
  let flags: Flags[];
  let processes: RunningProcess[];
  beforeEach(async () => {
    group = await createProcessGroup();
    const bare: Flags[] = [];
    for (const name of ["m1", "m2", "m3"])
      bare.push({ name, clientPort: await group.freePort(), peerPort: await group.freePort(), more: checked });
    const initialCluster = bare.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
    flags = bare.map((each) => ({ ...each, initialCluster }));
    processes = await Promise.all(flags.map((each) => group.start(each)));
  });
  afterEach(() => group[Symbol.asyncDispose]());
  const client = (position: number) => group.client(flags[position]?.clientPort ?? 0);

  /** Changes a value as a bug would: nothing about the bytes is wrong. */
  const corrupt = async (name: string): Promise<void> => {
    const backend = await openLevelBackend(join(group.directory, name, "member", "backend"));
    await openMvcc(backend, { minLeaseTtlSeconds: 1 });
    const [entry] = await backend.scan("key", Buffer.alloc(0), 1);
    if (!entry) throw new Error("there is nothing to corrupt");
    backend.delete("key", entry.key);
    await backend.flush();
    backend.put("key", entry.key, encodeRecord({ ...decodeRecord(entry.value), value: Buffer.from("wrong") }));
    await backend.close();
  };

  it("finds a member that holds something else, raises CORRUPT, and writes nothing more", async () => {
    await client(0).kv.put({ key: "a", value: "right" });
    const { leader } = await client(0).maintenance.status({});
    const { members } = await client(0).cluster.memberList({});
    const position = flags.findIndex(({ name }) => members.find(({ id }) => id === leader)?.name !== name);
    const wrong = members.find(({ name }) => name === flags[position]?.name)?.id;
    await processes[position]?.kill("SIGTERM");
    await corrupt(flags[position]?.name ?? "");
    const checkedAtStart = { ...(flags[position] as Flags), more: [...fast, "--experimental-initial-corrupt-check"] };
    await expect(group.start(checkedAtStart)).rejects.toThrow(
      /^store: m\d found data inconsistency with peers: at revision 2/,
    );
    await group.start(flags[position] as Flags);
    const other = client((position + 1) % 3);
    for (;;) {
      const { alarms } = await other.maintenance.alarm({ action: "GET" });
      if (alarms.length === 0) continue;
      expect(alarms).toEqual([{ memberId: wrong, alarm: "CORRUPT" }]);
      break;
    }
    await expect(other.kv.put({ key: "a", value: "2" })).rejects.toMatchObject({
      code: 15,
      details: "etcdserver: corrupt cluster",
    });
    await expect(other.lease.leaseGrant({ ttl: 10 })).rejects.toMatchObject({ code: 15 });
    expect((await other.kv.range({ key: "a" })).count).toBe(1);
  });

  it("that has lost its majority goes on as one with --force-new-cluster, with all data and revisions", async () => {
    for (let count = 0; count < 20; count++) await client(0).kv.put({ key: `k${count}`, value: "v" });
    for (const each of processes) await each.kill("SIGKILL");
    const alone = { ...(flags[1] as Flags), more: [...fast, "--force-new-cluster"] };
    const first = await group.start(alone);
    expect((await client(1).cluster.memberList({})).members.map(({ name }) => name)).toEqual(["m2"]);
    expect((await client(1).kv.put({ key: "on", value: "x" })).header?.revision).toBe(22);
    await first.kill("SIGKILL");
    // It stays so without the flag.
    await group.start({ ...alone, more: fast });
    expect((await client(1).kv.range({ key: "\0", rangeEnd: "\0", countOnly: true })).count).toBe(21);
    // The others are told that they are out.
    await expect(group.start(flags[0] as Flags)).rejects.toThrow('"msg":"stopped"');
  });
});
