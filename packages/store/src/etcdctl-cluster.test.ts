// The real etcdctl (API v3, as Debian has it) against three members over TLS with client certificates: what needs a cluster, and what
// etcd's client does on top of the API (locks, elections, mirrors). Skipped where there is none. About 12 seconds.
import { execFile, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { ProcessGroup } from "../testing/processes.ts";

const run = promisify(execFile);
const environment = { ...process.env, ETCDCTL_API: "3" };
const hasEtcdctl = spawnSync("etcdctl", ["version"], { env: environment }).status === 0;

interface Status {
  readonly Endpoint: string;
  readonly Status: {
    readonly header: { readonly member_id: number; readonly revision: number };
    readonly leader: number;
  };
}

describe.skipIf(!hasEtcdctl)("etcdctl with three members", { timeout: 120_000 }, () => {
  let group: ProcessGroup;
  let urls: string[];
  let tls: string[];
  const running = new Set<ChildProcess>();

  beforeAll(async () => {
    group = await createProcessGroup();
    const names = ["m1", "m2", "m3"];
    const ports = await Promise.all(names.map(async () => [await group.freePort(), await group.freePort()] as const));
    const initialCluster = names.map((name, at) => `${name}=https://127.0.0.1:${ports[at]?.[1]}`).join(",");
    await Promise.all(
      names.map((name, at) => {
        const [clientPort = 0, peerPort = 0] = ports[at] ?? [];
        return group.start({ name, clientPort, peerPort, initialCluster });
      }),
    );
    urls = ports.map(([clientPort]) => `https://127.0.0.1:${clientPort}`);
    tls = ["--cacert", group.tls.ca, "--cert", group.tls.cert, "--key", group.tls.key];
  }, 60_000);
  afterAll(async () => {
    for (const child of running) child.kill("SIGKILL");
    await group[Symbol.asyncDispose]();
  });

  const ctl = (endpoints: readonly string[], args: readonly string[]): string[] => [
    "--endpoints",
    endpoints.join(","),
    ...tls,
    ...args,
  ];
  const etcdctl = async (...args: readonly string[]): Promise<string> =>
    (await run("etcdctl", ctl(urls, args), { env: environment })).stdout.trim();
  const at = async (url: string, ...args: readonly string[]): Promise<string> =>
    (await run("etcdctl", ctl([url], args), { env: environment })).stdout.trim();
  const failure = (...args: readonly string[]): Promise<string> =>
    etcdctl(...args).then(
      (out) => `no failure: ${out}`,
      (error: { stderr: string }) => error.stderr.trim().split("\n").at(-1) ?? "",
    );
  /** A command that goes on; resolves when it has said so much. */
  const follow = async (
    args: readonly string[],
    lines: number,
  ): Promise<{ child: ChildProcess; said: () => string }> => {
    const child = spawn("etcdctl", ctl(urls, args), { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    running.add(child);
    let out = "";
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk: Buffer) => {
        out += chunk.toString();
        if (out.split("\n").length > lines) resolve();
      });
      child.once("close", () => resolve());
    });
    return { child, said: () => out };
  };
  const statuses = async (): Promise<Status[]> =>
    JSON.parse(await etcdctl("endpoint", "status", "-w", "json")) as Status[];

  it("shows three members, one leader, all well and with one hash", async () => {
    await etcdctl("put", "a", "1");
    const found = await statuses();
    expect(new Set(found.map(({ Status }) => Status.leader)).size).toBe(1);
    expect(found.filter(({ Status }) => Status.leader === Status.header.member_id)).toHaveLength(1);
    expect((await etcdctl("endpoint", "status", "-w", "table")).match(/ {2}true [|│]/g)).toHaveLength(1);
    expect(
      (await etcdctl("member", "list")).match(/^[0-9a-f]+, started, m[123], https:\/\/\S+, https:\/\/\S+, false$/gm),
    ).toHaveLength(3);
    const health = JSON.parse(await etcdctl("endpoint", "health", "--cluster", "-w", "json")) as { health: boolean }[];
    expect(health.map((each) => each.health)).toEqual([true, true, true]);
    // A linearizable read on each, so that each has applied what the others have.
    for (const url of urls) expect(await at(url, "get", "a", "--print-value-only")).toBe("1");
    const hashes = (await etcdctl("endpoint", "hashkv")).split("\n").map((line) => line.split(", ")[1]);
    expect(new Set(hashes).size).toBe(1);
  });

  it("writes through any member and reads it at any other at once", async () => {
    for (const [position, url] of urls.entries()) {
      expect(await at(url, "put", "through", String(position))).toBe("OK");
      for (const other of urls) expect(await at(other, "get", "through", "--print-value-only")).toBe(String(position));
    }
  });

  it("keeps a lease alive through any member and shows it at any", async () => {
    const id = /lease (\S+) granted/.exec(await etcdctl("lease", "grant", "100"))?.[1] ?? "";
    for (const url of urls) {
      expect(await at(url, "lease", "keep-alive", "--once", id)).toBe(`lease ${id} keepalived with TTL(100)`);
      expect(await at(url, "lease", "timetolive", id)).toMatch(/granted with TTL\(100s\), remaining\((100|9\d)s\)$/);
    }
    expect(await etcdctl("lease", "revoke", id)).toBe(`lease ${id} revoked`);
  });

  it("moves the leader where it is told to, and only at the leader", async () => {
    const found = await statuses();
    const leader = found.find(({ Status }) => Status.leader === Status.header.member_id);
    const listed = (await etcdctl("member", "list")).split("\n").map((line) => line.split(", "));
    const leaderId = listed.find(([, , , , url]) => url === leader?.Endpoint)?.[0] ?? "";
    const [targetId = ""] = listed.find(([id]) => id !== leaderId) ?? [];
    const follower = found.find(({ Endpoint }) => Endpoint !== leader?.Endpoint)?.Endpoint ?? "";
    await expect(at(follower, "move-leader", targetId)).rejects.toMatchObject({
      stderr: expect.stringContaining("no leader endpoint given") as string,
    });
    expect(await etcdctl("move-leader", targetId)).toBe(`Leadership transferred from ${leaderId} to ${targetId}`);
  });

  it("locks one after the other", async () => {
    const first = await follow(["lock", "mutex"], 2);
    expect(first.said()).toMatch(/^mutex\/[0-9a-f]+\n\n$/);
    const second = spawn("etcdctl", ctl(urls, ["lock", "mutex", "echo", "mine"]), { env: environment });
    running.add(second);
    let out = "";
    second.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    const ended = once(second, "close");
    await etcdctl("put", "unrelated", "1");
    expect(out).toBe("");
    first.child.kill("SIGINT");
    await ended;
    expect(out).toBe("mine\n");
  });

  it("elects one leader, shows it, and the next when it goes", async () => {
    const first = await follow(["elect", "office", "first"], 2);
    expect(first.said()).toMatch(/^office\/[0-9a-f]+\nfirst\n$/);
    const observer = await follow(["elect", "--listen", "office"], 2);
    expect(observer.said()).toMatch(/\nfirst\n$/);
    const second = follow(["elect", "office", "second"], 2);
    first.child.kill("SIGINT");
    expect((await second).said()).toMatch(/\nsecond\n$/);
  });

  it("mirrors a prefix to another store", async () => {
    const other = await createProcessGroup();
    try {
      const clientPort = await other.freePort();
      await other.start({ name: "mirror", clientPort });
      await etcdctl("put", "mir/a", "1");
      const mirror = spawn(
        "etcdctl",
        ctl(urls, [
          "make-mirror",
          ...["--prefix", "mir/", "--dest-prefix", "copy/"],
          ...["--dest-cacert", other.tls.ca, "--dest-cert", other.tls.cert, "--dest-key", other.tls.key],
          `127.0.0.1:${clientPort}`,
        ]),
        { env: environment, stdio: "ignore" },
      );
      running.add(mirror);
      const client = other.client(clientPort);
      const arrived: string[] = [];
      const aborter = new AbortController();
      for await (const { events } of client.watch({
        key: "copy/",
        rangeEnd: "copy0",
        startRevision: 2,
        signal: aborter.signal,
      })) {
        for (const { type, kv } of events) arrived.push(`${type} ${kv?.key.toString()}=${kv?.value.toString()}`);
        if (arrived.length === 1) {
          await etcdctl("put", "mir/b", "2");
          await etcdctl("del", "mir/a");
        }
        if (arrived.length >= 3) break;
      }
      mirror.kill("SIGKILL");
      expect(arrived).toEqual(["PUT copy/a=1", "PUT copy/b=2", "DELETE copy/a="]);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it("saves a snapshot that it can read, and defragments all", async () => {
    const file = join(group.directory, "saved.db");
    const [url = ""] = urls;
    await at(url, "snapshot", "save", file);
    expect(existsSync(file)).toBe(true);
    const { header } = JSON.parse(await at(url, "get", "a", "-w", "json")) as { header: { revision: number } };
    expect(JSON.parse(await at(url, "snapshot", "status", file, "-w", "json"))).toMatchObject({
      revision: header.revision,
    });
    expect((await etcdctl("defrag", "--cluster")).match(/^Finished defragmenting/gm)).toHaveLength(3);
  });

  it("asks for passwords on all members once auth is on, and takes a token given out by another", async () => {
    const root = ["--user", "root:pw"];
    expect(await etcdctl("user", "add", "root:pw")).toBe("User root created");
    await etcdctl("user", "add", "al:alpw");
    await etcdctl("role", "add", "r");
    await etcdctl("role", "grant-permission", "r", "readwrite", "al/", "--prefix=true");
    await etcdctl("user", "grant-role", "al", "r");
    // The certificates of this test are of this name: while auth is on, it is a user.
    await etcdctl("user", "add", "member", "--no-password");
    expect(await etcdctl("auth", "enable")).toBe("Authentication Enabled");
    try {
      for (const url of urls) {
        expect(await at(url, "--user", "al:alpw", "put", "al/k", "1")).toBe("OK");
        await expect(at(url, "--user", "al:alpw", "get", "a")).rejects.toMatchObject({
          stderr: expect.stringContaining("etcdserver: permission denied") as string,
        });
      }
      expect(await failure("--user", "al:wrong", "get", "a")).toBe(
        "Error: etcdserver: authentication failed, invalid user ID or password",
      );
      // Nothing but the certificate: its common name is a user without roles.
      expect(await failure("get", "a")).toBe("Error: etcdserver: permission denied");
      await etcdctl(...root, "user", "grant-role", "member", "r");
      expect(await etcdctl("get", "al/k", "--print-value-only")).toBe("1");
      const clients = urls.map((url) => group.client(Number(new URL(url).port)));
      const { token = "" } = (await clients[0]?.auth.authenticate({ name: "al", password: "alpw" })) ?? {};
      for (const client of clients)
        expect((await client.kv.range({ key: "al/k" }, { metadata: { token } })).count).toBe(1);
    } finally {
      expect(await etcdctl(...root, "auth", "disable")).toBe("Authentication Disabled");
    }
    expect(await etcdctl("get", "a", "--print-value-only")).toBe("1");
  });
});
