// Changes of members and their repair on real processes: who may come and go, what becomes of a member that was removed, has lost its
// disk, is far behind, or leads when it is told to stop.
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { MemberFlags, ProcessGroup, RunningProcess } from "../testing/processes.ts";

type Flags = MemberFlags & { readonly peerPort: number };
const fast = ["--heartbeat-interval", "50", "--election-timeout", "500"];
const small = [...fast, "--snapshot-count", "20", "--snapshot-catchup-entries", "10"];
const all = { key: "\0", rangeEnd: "\0" };

describe("members", { timeout: 90_000 }, () => {
  let group: ProcessGroup;
  let flags: Flags[];
  let processes: RunningProcess[];
  beforeEach(async () => void (group = await createProcessGroup()));
  afterEach(() => group[Symbol.asyncDispose]());

  const flagsFor = async (name: string, more: readonly string[]): Promise<Flags> => ({
    name,
    clientPort: await group.freePort(),
    peerPort: await group.freePort(),
    more,
  });
  const peerUrl = ({ peerPort }: Flags): string => `https://127.0.0.1:${peerPort}`;
  const clusterOf = (members: readonly Flags[]): string =>
    members.map((each) => `${each.name}=${peerUrl(each)}`).join(",");
  const startThree = async (more: readonly string[] = fast): Promise<void> => {
    const bare = [await flagsFor("m1", more), await flagsFor("m2", more), await flagsFor("m3", more)];
    flags = bare.map((each) => ({ ...each, initialCluster: clusterOf(bare) }));
    processes = await Promise.all(flags.map((each) => group.start(each)));
  };
  const client = (position: number) => group.client(flags[position]?.clientPort ?? 0);
  const idOf = async (name: string, through = 0): Promise<bigint> => {
    const { members } = await client(through).cluster.memberList({});
    return members.find((member) => member.name === name)?.id ?? 0n;
  };
  const leaderAt = async (through = 0): Promise<number> => {
    const { leader } = await client(through).maintenance.status({});
    const { members } = await client(through).cluster.memberList({});
    return flags.findIndex(({ name }) => members.find((member) => member.id === leader)?.name === name);
  };
  const lastWords = (position: number): string => processes[position]?.output() ?? "";
  const ended = async (position: number): Promise<number | null> => {
    const child = processes[position]?.child;
    if (child && child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child?.exitCode ?? null;
  };

  it("that are removed end themselves, say why, and do not start again", async () => {
    await startThree();
    await client(0).cluster.memberRemove({ id: await idOf("m3") });
    expect(await ended(2)).toBe(0);
    expect(lastWords(2)).toContain("the member has been permanently removed from the cluster");
    await expect(group.start(flags[2] as Flags)).rejects.toThrow(
      /^store: this member was removed from its cluster: remove .*m3, add the member again/,
    );
    // A member that is not there when it is removed is told by the others as soon as it calls.
    await client(0).cluster.memberAdd({ peerURLs: [peerUrl(flags[2] as Flags)], isLearner: true });
    await rm(join(group.directory, "m3"), { recursive: true });
    processes[2] = await group.start({
      ...(flags[2] as Flags),
      more: [...fast, "--initial-cluster-state", "existing"],
    });
    await processes[2].kill("SIGKILL");
    await client(0).cluster.memberRemove({ id: await idOf("m3") });
    await client(0).kv.put({ key: "without it", value: "x" });
    await expect(group.start(flags[2] as Flags)).rejects.toThrow('"msg":"stopped"');
  });

  it("that have lost their disk do not begin again under their old id, but come back as new ones", async () => {
    await startThree();
    for (let count = 0; count < 30; count++) await client(0).kv.put({ key: `k${count}`, value: "v" });
    await processes[2]?.kill("SIGKILL");
    await rm(join(group.directory, "m3"), { recursive: true });
    await expect(group.start(flags[2] as Flags)).rejects.toThrow(
      /^store: member [0-9a-f]+ has already been bootstrapped/,
    );
    await client(0).cluster.memberRemove({ id: await idOf("m3") });
    await rm(join(group.directory, "m3"), { recursive: true, force: true });
    const again = { ...(flags[2] as Flags), more: [...fast, "--initial-cluster-state", "existing"] };
    await expect(group.start(again)).rejects.toThrow("add it first");
    await client(0).cluster.memberAdd({ peerURLs: [peerUrl(again)] });
    processes[2] = await group.start(again);
    expect((await client(2).kv.range({ ...all, countOnly: true })).count).toBe(30);
    const watched = [];
    for await (const { events } of client(2).watch({ ...all, startRevision: 2, signal: AbortSignal.timeout(20_000) })) {
      watched.push(...events.map(({ kv }) => kv?.modRevision));
      if (watched.length === 30) break;
    }
    expect(watched).toEqual(Array.from({ length: 30 }, (_, count) => count + 2));
  });

  it("come as learners one at a time, and vote when they know enough, whoever is asked", async () => {
    await startThree();
    const follower = ((await leaderAt()) + 1) % 3;
    const fourth = await flagsFor("m4", [...fast, "--initial-cluster-state", "existing"]);
    const { member } = await client(follower).cluster.memberAdd({ peerURLs: [peerUrl(fourth)], isLearner: true });
    const id = member?.id ?? 0n;
    await expect(client(0).cluster.memberAdd({ peerURLs: ["https://127.0.0.1:1"], isLearner: true })).rejects.toThrow(
      "etcdserver: too many learner members in cluster",
    );
    await expect(client(follower).cluster.memberPromote({ id })).rejects.toThrow(
      "etcdserver: can only promote a learner member which is in sync with leader",
    );
    await expect(client(follower).cluster.memberPromote({ id: 5n })).rejects.toThrow("etcdserver: member not found");
    await group.start({ ...fourth, initialCluster: clusterOf([...flags, fourth]) });
    await expect(group.client(fourth.clientPort).kv.put({ key: "a", value: "1" })).rejects.toThrow(
      "etcdserver: rpc not supported for learner",
    );
    const { members } = await client(follower).cluster.memberPromote({ id });
    expect(members.map(({ isLearner }) => isLearner)).toEqual([false, false, false, false]);
    await expect(client(0).cluster.memberPromote({ id })).rejects.toThrow("etcdserver: can only promote a learner");
    await group.client(fourth.clientPort).kv.put({ key: "a", value: "1" });
  });

  it("are not added or removed where the group could not go on", async () => {
    await startThree();
    await processes[2]?.kill("SIGKILL");
    await heard(processes[0] as RunningProcess, "lost the connection to a peer");
    await heard(processes[1] as RunningProcess, "lost the connection to a peer");
    // Whoever led: there is a leader again.
    await client(0).kv.put({ key: "after", value: "x" });
    await expect(client(0).cluster.memberAdd({ peerURLs: ["https://127.0.0.1:1"] })).rejects.toThrow(
      "etcdserver: unhealthy cluster",
    );
    await expect(client(0).cluster.memberRemove({ id: await idOf("m2") })).rejects.toThrow(
      "etcdserver: unhealthy cluster",
    );
    // The one that is gone may go.
    const { members } = await client(0).cluster.memberRemove({ id: await idOf("m3") });
    expect(members.map(({ name }) => name).sort()).toEqual(["m1", "m2"]);
    await client(0).cluster.memberAdd({ peerURLs: [peerUrl(flags[2] as Flags)] });
    await expect(client(0).cluster.memberAdd({ peerURLs: ["https://127.0.0.1:1"] })).rejects.toThrow(
      "etcdserver: re-configuration failed due to not enough started members",
    );
  });

  it("that were far behind are sent everything while the leader serves, and their watches miss and repeat nothing", async () => {
    await startThree(small);
    const behind = ((await leaderAt()) + 1) % 3;
    const writer = ((await leaderAt()) + 2) % 3;
    await client(writer).kv.put({ key: "first", value: "x" });
    const seen: (number | undefined)[] = [];
    const watching = (async () => {
      for await (const { events } of client(behind).watch({
        ...all,
        startRevision: 2,
        signal: AbortSignal.timeout(60_000),
      })) {
        seen.push(...events.map(({ kv }) => kv?.modRevision));
        if (seen.length >= 102) return;
      }
    })();
    // Its process stands still: its connections and its watch stay, and the log goes on without it, by more than may be on the way.
    processes[behind]?.child.kill("SIGSTOP");
    for (let count = 0; count < 100; count++)
      await client(writer).kv.put({ key: `k${count % 50}`, value: "v".repeat(200_000) });
    processes[behind]?.child.kill("SIGCONT");
    await client(writer).kv.put({ key: "last", value: "x" });
    await watching;
    expect(seen).toEqual(Array.from({ length: 102 }, (_, count) => count + 2));
    expect(processes.map((each) => each.output()).join("")).toContain("sent a snapshot");
    const hashes = await Promise.all([0, 1, 2].map((each) => client(each).maintenance.hashKV({ revision: 103 })));
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
  });

  it("that lead and are told to stop hand over first: no write fails, and none waits for an election", async () => {
    await startThree(["--heartbeat-interval", "100", "--election-timeout", "5000"]);
    const leader = await leaderAt();
    const other = client((leader + 1) % 3);
    let stopped = false;
    const writing = (async () => {
      let count = 0;
      for (; !stopped || count % 10 !== 0; count++) await other.kv.put({ key: `k${count}`, value: "v" });
      return count;
    })();
    await processes[leader]?.kill("SIGTERM");
    stopped = true;
    const written = await writing;
    expect((await other.kv.range({ ...all, countOnly: true })).count).toBe(written);
    expect(lastWords(leader)).not.toContain("could not hand over");
  });

  it("of another cluster, or of another name at that address, are refused, and the others go on", async () => {
    const bare = [await flagsFor("m1", fast), await flagsFor("m2", fast), await flagsFor("m3", fast)];
    flags = bare.map((each) => ({ ...each, initialCluster: clusterOf(bare) }));
    const stranger = { ...(flags[2] as Flags), more: [...fast, "--initial-cluster-token", "another"] };
    const [first, second] = flags as [Flags, Flags];
    const starting = group.start(stranger).catch(() => undefined);
    processes = await Promise.all([group.start(first), group.start(second)]);
    await client(0).kv.put({ key: "a", value: "1" });
    await heard(processes[0] as RunningProcess, "cluster ID mismatch");
    expect((await client(1).kv.range({ key: "a" })).count).toBe(1);
    await group[Symbol.asyncDispose]();
    await starting;
    group = await createProcessGroup();
  });
});

/** Resolves when the process has said this. */
async function heard({ child, output }: RunningProcess, words: string): Promise<void> {
  while (!output().includes(words)) await once(child.stderr as NonNullable<typeof child.stderr>, "data");
}
