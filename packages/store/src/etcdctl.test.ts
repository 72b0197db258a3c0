// The real etcdctl (API v3, as Debian has it) against a real store over TLS. Skipped where there is none.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { ProcessGroup } from "../testing/processes.ts";

const run = promisify(execFile);
const environment = { ...process.env, ETCDCTL_API: "3" };
const hasEtcdctl = spawnSync("etcdctl", ["version"], { env: environment }).status === 0;

describe.skipIf(!hasEtcdctl)("etcdctl", () => {
  let group: ProcessGroup;
  let words: string[];
  beforeAll(async () => {
    group = await createProcessGroup();
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    words = [
      "--endpoints",
      `https://127.0.0.1:${clientPort}`,
      "--cacert",
      group.tls.ca,
      "--cert",
      group.tls.cert,
      "--key",
      group.tls.key,
    ];
  });
  afterAll(() => group[Symbol.asyncDispose]());

  const etcdctl = async (...args: readonly string[]): Promise<string> =>
    (await run("etcdctl", [...words, ...args], { env: environment })).stdout.trim();
  const failure = async (...args: readonly string[]): Promise<string> =>
    etcdctl(...args).then(
      (out) => `no failure: ${out}`,
      (error: { stderr: string }) => error.stderr.trim().split("\n").at(-1) ?? "",
    );
  const withInput = async (input: string, ...args: readonly string[]): Promise<string> => {
    const child = spawn("etcdctl", [...words, ...args], { env: environment, stdio: ["pipe", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.end(input);
    await once(child, "close");
    return out.trim();
  };

  it("puts, gets and deletes", async () => {
    expect(await etcdctl("put", "kv/a", "1")).toBe("OK");
    expect(await etcdctl("put", "kv/a", "2", "--prev-kv")).toBe("OK\nkv/a\n1");
    expect(await etcdctl("put", "kv/b", "3")).toBe("OK");
    expect(await etcdctl("get", "kv/", "--prefix", "--print-value-only")).toBe("2\n3");
    expect(await etcdctl("get", "kv/", "--prefix", "--keys-only", "--order", "DESCEND", "--sort-by", "VALUE")).toBe(
      "kv/b\n\nkv/a",
    );
    expect(await etcdctl("get", "kv/", "--prefix", "--limit", "1", "-w", "fields")).toContain(
      '"More" : true\n"Count" : 2',
    );
    expect(await etcdctl("del", "kv/", "--prefix")).toBe("2");
  });

  it("runs a transaction", async () => {
    await etcdctl("put", "txn/a", "1");
    const input = 'value("txn/a") = "1"\nversion("txn/b") = "0"\n\nput txn/a 2\nget txn/a\n\nput txn/a wrong\n\n';
    expect(await withInput(input, "txn")).toBe("SUCCESS\n\nOK\n\ntxn/a\n2");
    expect(await withInput(input, "txn")).toBe("FAILURE\n\nOK");
  });

  it("is told etcd's own errors", async () => {
    expect(await failure("get", "x", "--rev", "100000")).toBe(
      "Error: etcdserver: mvcc: required revision is a future revision",
    );
    expect(await failure("put", "x", "1", "--lease", "1234")).toBe("Error: etcdserver: requested lease not found");
    expect(await failure("put", "missing", "--ignore-value", "--ignore-lease")).toBe(
      "Error: etcdserver: key not found",
    );
    expect(await failure("lease", "revoke", "1234")).toContain("etcdserver: requested lease not found");
  });

  it("watches from the past, with previous values", async () => {
    await etcdctl("put", "w/a", "1");
    const revision = JSON.parse(await etcdctl("put", "w/a", "2", "-w", "json")) as { header: { revision: number } };
    await etcdctl("del", "w/a");
    const child = spawn(
      "etcdctl",
      [...words, "watch", "w/", "--prefix", "--prev-kv", "--rev", String(revision.header.revision)],
      { env: environment },
    );
    // Two events of four values each; etcdctl writes them line by line, so a chunk may end anywhere.
    const expected = "PUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n";
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.length >= expected.length) child.kill("SIGKILL");
    });
    await once(child, "close");
    expect(out).toBe(expected);
  });

  it("grants, shows, keeps and revokes leases", async () => {
    const id = /lease (\S+) granted with TTL\(60s\)/.exec(await etcdctl("lease", "grant", "60"))?.[1] ?? "";
    expect(await etcdctl("put", "leased", "1", "--lease", id)).toBe("OK");
    expect(await etcdctl("lease", "timetolive", id, "--keys")).toMatch(
      /granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)$/,
    );
    expect(await etcdctl("lease", "list")).toBe(`found 1 leases\n${id}`);
    expect(await etcdctl("lease", "keep-alive", "--once", id)).toBe(`lease ${id} keepalived with TTL(60)`);
    expect(await etcdctl("lease", "revoke", id)).toBe(`lease ${id} revoked`);
    expect(await etcdctl("get", "leased")).toBe("");
  });

  it("compacts, hashes and defragments", async () => {
    const { header } = JSON.parse(await etcdctl("put", "c", "1", "-w", "json")) as { header: { revision: number } };
    await etcdctl("put", "c", "2");
    expect(await etcdctl("compaction", String(header.revision + 1), "--physical")).toBe(
      `compacted revision ${header.revision + 1}`,
    );
    expect(await failure("get", "c", "--rev", String(header.revision))).toBe(
      "Error: etcdserver: mvcc: required revision has been compacted",
    );
    expect(await etcdctl("endpoint", "hashkv")).toMatch(/, \d+$/);
    expect(await etcdctl("defrag")).toMatch(/^Finished defragmenting etcd member/);
  });

  it("shows status, health, members and alarms", async () => {
    expect(JSON.parse(await etcdctl("endpoint", "status", "-w", "json"))).toMatchObject([
      { Status: { version: "3.6.0", raftTerm: 2 } },
    ]);
    expect(
      (await run("etcdctl", [...words, "endpoint", "health"], { env: environment })).stderr +
        (await etcdctl("endpoint", "health")),
    ).toContain("is healthy");
    expect(await etcdctl("member", "list")).toMatch(/^[0-9a-f]+, started, m1, /);
    expect(await etcdctl("alarm", "list")).toBe("");
  });
});
