// The way to etcd and back, with the real programs: a snapshot of ours becomes a real etcd, a snapshot of a real etcd becomes ours, and
// both answer everything alike. Skipped where etcd and etcdctl are not installed.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "@coxswain/clock";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../../testing/processes.ts";
import type { ProcessGroup } from "../../testing/processes.ts";

const run = promisify(execFile);
const environment = { ...process.env, ETCDCTL_API: "3" };
const hasEtcd = ["etcd", "etcdctl"].every(
  (program) => spawnSync(program, [program === "etcd" ? "--version" : "version"], { env: environment }).status === 0,
);
const main = new URL("../main.ts", import.meta.url).pathname;
const text = (bytes: Buffer | undefined): string => bytes?.toString() ?? "";

interface RealEtcd extends AsyncDisposable {
  readonly client: EtcdClient;
  readonly endpoint: string;
}

async function startEtcd(group: ProcessGroup, directory: string, more: readonly string[] = []): Promise<RealEtcd> {
  const endpoint = `http://127.0.0.1:${await group.freePort()}`;
  const peer = more.includes("--listen-peer-urls") ? "" : `http://127.0.0.1:${await group.freePort()}`;
  const flags = ["--name", "real", "--data-dir", directory, "--listen-client-urls", endpoint];
  flags.push("--advertise-client-urls", endpoint, ...more);
  if (peer)
    flags.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `real=${peer}`);
  const child = spawn("etcd", flags, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("ready to serve client requests")) resolve();
    });
    child.once("exit", () => reject(new Error(output)));
  });
  const client = createEtcdClient({ endpoints: [endpoint] }, { clock: systemClock });
  return {
    client,
    endpoint,
    async [Symbol.asyncDispose]() {
      client.close();
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** A history with everything that a restore could lose. */
async function fill(client: EtcdClient): Promise<void> {
  await client.lease.leaseGrant({ id: 77n, ttl: 3000 });
  for (let count = 0; count < 150; count++) {
    await client.kv.put({
      key: `k/${count % 40}`,
      value: `${count}`.repeat(count % 7 === 0 ? 2000 : 1),
      lease: count % 11 === 0 ? 77n : 0n,
    });
  }
  await client.kv.txn({
    success: [
      { requestPut: { key: Buffer.from("t/a"), value: Buffer.from("1") } },
      { requestDeleteRange: { key: Buffer.from("k/3") } },
    ],
  });
  await client.kv.deleteRange({ key: "k/2", rangeEnd: "k/3" });
  await client.kv.compact({ revision: 90 });
  await client.kv.put({ key: "k/2", value: "again" });
}

/** Everything a client can learn, but who the members are. */
async function everything(client: EtcdClient): Promise<unknown> {
  const all = { key: "\0", rangeEnd: "\0" };
  const now = await client.kv.range(all);
  const earlier = await client.kv.range({ ...all, revision: 120 });
  const { hash, compactRevision } = await client.maintenance.hashKV({ revision: 0 });
  const lease = await client.lease.leaseTimeToLive({ id: 77n, keys: true });
  return {
    revision: now.header?.revision,
    kvs: now.kvs,
    earlier: earlier.kvs,
    hash,
    compactRevision,
    // etcd gives them in no order.
    lease: [lease.grantedTTL, lease.keys.map(text).sort()],
  };
}

describe.skipIf(!hasEtcd)("a snapshot", () => {
  let group: ProcessGroup;
  beforeEach(async () => void (group = await createProcessGroup()));
  afterEach(() => group[Symbol.asyncDispose]());
  const store = async (...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [main, ...args])).stdout;
  const etcdctl = async (...args: readonly string[]): Promise<string> =>
    (await run("etcdctl", args, { env: environment })).stdout;

  it("of this store becomes an etcd that answers the same", { timeout: 60_000 }, async () => {
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    const ours = group.client(clientPort);
    await fill(ours);
    await ours.auth.userAdd({ name: "alice", password: "secret" });
    const file = join(group.directory, "snapshot.db");
    const { ca, cert, key } = group.tls;
    const words = ["--endpoints", `https://127.0.0.1:${clientPort}`, "--cacert", ca, "--cert", cert, "--key", key];
    await etcdctl(...words, "snapshot", "save", file);
    const status = JSON.parse(await etcdctl("snapshot", "status", file, "-w", "json")) as object;
    expect(JSON.parse(await store("snapshot", "status", file, "-w", "json"))).toEqual({ ...status, version: "3.6.0" });
    const peer = `http://127.0.0.1:${await group.freePort()}`;
    const cluster = ["--initial-advertise-peer-urls", peer, "--initial-cluster", `real=${peer}`];
    const directory = join(group.directory, "real");
    await etcdctl("snapshot", "restore", file, "--name", "real", "--data-dir", directory, ...cluster);
    await using etcd = await startEtcd(group, directory, ["--listen-peer-urls", peer, ...cluster]);
    expect(await everything(etcd.client)).toEqual(await everything(ours));
    expect((await etcd.client.auth.userList({})).users).toEqual(["alice"]);
    // It goes on where ours was.
    const { revision } = (await ours.kv.range({ key: "x" })).header ?? { revision: 0 };
    expect((await etcd.client.kv.put({ key: "x", value: "1" })).header?.revision).toBe(revision + 1);
  });

  it("of etcd becomes this store, with all revisions, and gives itself back", { timeout: 60_000 }, async () => {
    const file = join(group.directory, "snapshot.db");
    const back = join(group.directory, "back.db");
    await using etcd = await startEtcd(group, join(group.directory, "real"));
    await fill(etcd.client);
    await etcd.client.auth.roleAdd({ name: "reader" });
    await etcdctl("--endpoints", etcd.endpoint, "snapshot", "save", file);
    const clientPort = await group.freePort();
    const said = await store("snapshot", "restore", file, "--name", "m1", "--data-dir", join(group.directory, "m1"));
    expect(said).toMatch(/^restored .*snapshot\.db at revision 154 as member [0-9a-f]+ of cluster [0-9a-f]+\n$/);
    await group.start({ name: "m1", clientPort });
    const ours = group.client(clientPort);
    expect(await everything(ours)).toEqual(await everything(etcd.client));
    expect((await ours.auth.roleList({})).roles).toEqual(["reader"]);
    const pieces: Buffer[] = [];
    for await (const { blob } of ours.snapshot()) pieces.push(blob);
    await writeFile(back, Buffer.concat(pieces));
    await etcdctl("snapshot", "restore", back, "--data-dir", join(group.directory, "again"));
  });

  it("can be restored above what clients have seen", { timeout: 60_000 }, async () => {
    const file = join(group.directory, "snapshot.db");
    const clientPort = await group.freePort();
    const first = await group.start({ name: "m1", clientPort });
    await fill(group.client(clientPort));
    const pieces: Buffer[] = [];
    for await (const { blob } of group.client(clientPort).snapshot()) pieces.push(blob);
    await writeFile(file, Buffer.concat(pieces));
    await first.kill("SIGKILL");
    const directory = join(group.directory, "m1");
    await rm(directory, { recursive: true });
    const words = ["snapshot", "restore", file, "--name", "m1", "--data-dir", directory];
    await expect(store(...words, "--bump-revision", "1000")).rejects.toThrow(
      "store: --mark-compacted required if --bump-revision > 0, disallowed otherwise",
    );
    await store(...words, "--bump-revision", "1000", "--mark-compacted");
    await expect(store(...words)).rejects.toThrow("not empty or could not be read");
    await group.start({ name: "m1", clientPort });
    const client = group.client(clientPort);
    expect((await client.kv.range({ key: "k/2" })).kvs.map(({ value }) => text(value))).toEqual(["again"]);
    await expect(client.kv.range({ key: "k/2", revision: 154 })).rejects.toMatchObject({ code: 11 });
    expect((await client.kv.put({ key: "k/2", value: "new" })).header?.revision).toBe(1155);
  });

  it("that was damaged or cut is refused", { timeout: 60_000 }, async () => {
    const file = join(group.directory, "snapshot.db");
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    await fill(group.client(clientPort));
    const pieces: Buffer[] = [];
    for await (const { blob } of group.client(clientPort).snapshot()) pieces.push(blob);
    const whole = Buffer.concat(pieces);
    const restore = async (bytes: Buffer, ...more: string[]): Promise<string> => {
      await writeFile(file, bytes);
      return store("snapshot", "restore", file, "--data-dir", join(group.directory, "never"), ...more);
    };
    const flipped = Buffer.from(whole);
    flipped[9000] = (flipped[9000] ?? 0) ^ 1;
    await expect(restore(flipped)).rejects.toThrow(/is damaged: expected sha256 [0-9a-f]{64}, got/);
    await expect(restore(whole.subarray(0, -32))).rejects.toThrow("snapshot missing hash but --skip-hash-check=false");
    await expect(restore(whole.subarray(0, 8192), "--skip-hash-check")).rejects.toThrow(
      /is damaged at offset \d+: the file ends/,
    );
    expect((await readFile(file)).length).toBe(8192);
  });
});
