// A lost majority, on real processes: two of three members are killed and their disks destroyed; one is made of what is left.
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../../testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../../testing/processes.ts";

const run = promisify(execFile);
const main = new URL("../main.ts", import.meta.url).pathname;
const fast = ["--heartbeat-interval", "50", "--election-timeout", "500"];
const all = { key: "\0", rangeEnd: "\0" };
type Flags = MemberFlags & { readonly peerPort: number };

describe("recover", { timeout: 90_000 }, () => {
  let group: ProcessGroup;
  let flags: Flags[];
  let processes: RunningProcess[];
  beforeEach(async () => {
    group = await createProcessGroup();
    const bare: Flags[] = [];
    for (const name of ["m1", "m2", "m3"])
      bare.push({ name, clientPort: await group.freePort(), peerPort: await group.freePort(), more: fast });
    const initialCluster = bare.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
    flags = bare.map((each) => ({ ...each, initialCluster }));
    processes = await Promise.all(flags.map((each) => group.start(each)));
  });
  afterEach(() => group[Symbol.asyncDispose]());

  const client = (position: number) => group.client(flags[position]?.clientPort ?? 0);
  const directory = (name: string): string => join(group.directory, name);
  const recover = async (...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [main, "recover", ...args])).stdout;
  const kill = async (position: number): Promise<void> => void (await processes[position]?.kill("SIGKILL"));

  it("makes one member of the only one that is left, above every revision that clients have seen", async () => {
    for (let count = 0; count < 60; count++) await client(0).kv.put({ key: `k${count % 20}`, value: `${count}` });
    await client(0).lease.leaseGrant({ id: 7n, ttl: 600 });
    await client(0).kv.put({ key: "leased", value: "x", lease: 7n });
    const before = await client(0).kv.range(all);
    for (const position of [1, 2]) {
      await kill(position);
      await rm(directory(flags[position]?.name ?? ""), { recursive: true });
    }
    await expect(recover(directory("m1"))).rejects.toThrow("the data directory is in use by another process");
    await kill(0);
    const said = await recover(directory("m1"));
    expect(said).toContain("the log of ");
    expect(said).toMatch(
      /what may be lost: writes after entry \d+ that only the missing members [0-9a-f]+, [0-9a-f]+ have/,
    );
    expect(said).toContain("nothing was changed: give --data-dir");
    const peer = `https://127.0.0.1:${flags[0]?.peerPort}`;
    const words = ["--name", "n1", "--data-dir", directory("n1"), "--initial-advertise-peer-urls", peer];
    expect(await recover(directory("m1"), ...words)).toContain(
      "verified to hold 21 keys; its revision is 1000000062 instead of 62",
    );
    const initialCluster = `n1=${peer}`;
    await group.start({ ...(flags[0] as Flags), name: "n1", initialCluster });
    const after = await client(0).kv.range(all);
    expect(after.kvs).toEqual(before.kvs);
    expect((await client(0).lease.leaseTimeToLive({ id: 7n, keys: true })).keys.map(String)).toEqual(["leased"]);
    // Who watched from before is told to list again, and everybody goes on.
    const seen: unknown[] = [];
    await expect(
      (async () => {
        for await (const batch of client(0).watch({ ...all, startRevision: 63, signal: AbortSignal.timeout(10_000) }))
          seen.push(batch);
      })(),
    ).rejects.toThrow(/compacted/);
    expect((await client(0).kv.put({ key: "k0", value: "on" })).header?.revision).toBe(1_000_000_063);
    await client(0).cluster.memberAdd({ peerURLs: [`https://127.0.0.1:${flags[1]?.peerPort}`] });
    await group.start({
      ...(flags[1] as Flags),
      name: "n2",
      initialCluster: `${initialCluster},n2=https://127.0.0.1:${flags[1]?.peerPort}`,
      more: [...fast, "--initial-cluster-state", "existing"],
    });
    expect((await client(1).kv.range({ ...all, countOnly: true })).count).toBe(21);
  });

  it("refuses what would lose more than it must, without --force", async () => {
    await client(0).kv.put({ key: "a", value: "1" });
    await kill(2);
    await client(0).kv.put({ key: "b", value: "2" });
    await kill(0);
    await kill(1);
    const directories = ["m1", "m2", "m3"].map(directory);
    const made = ["--data-dir", directory("n1"), "--name", "n1"];
    await expect(recover(...directories, ...made)).rejects.toThrow(
      "store: 3 of 3 voting members are here, a majority: start them, and nothing is lost (--force does it all the same)",
    );
    await rm(join(directory("m2"), "member", "wal"), { recursive: true });
    await expect(recover(directory("m2"), directory("m3"), ...made)).rejects.toThrow(
      /m2 cannot be read and may be newer: .*m2 holds no member of this store/,
    );
    await expect(recover(directory("m1"), directory("m3"), "--from", directory("m3"), ...made)).rejects.toThrow(
      "a majority",
    );
    await expect(recover(directory("m2"))).rejects.toThrow("none of the directories can be read");
    expect(await recover(directory("m1"), directory("m2"), ...made, "--force")).toContain("verified to hold 2 keys");
  });
});
