// The same commands of the real etcdctl and the same JSON requests to our store and to Debian's etcd in one run: what people see must be
// the same, ids, sizes and times aside. Takes about 15 seconds.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { etcdVersion, startEtcd, startStore } from "./store/endpoints.ts";
import type { RunningEndpoint } from "./store/endpoints.ts";

const environment = { ...process.env, ETCDCTL_API: "3" };
const hasEtcdctl = spawnSync("etcdctl", ["version"], { env: environment }).status === 0;

describe.skipIf(etcdVersion === undefined || !hasEtcdctl)(
  `tools see our store and ${etcdVersion ?? "etcd"} alike`,
  () => {
    let ours: RunningEndpoint;
    let theirs: RunningEndpoint;
    beforeAll(async () => {
      [ours, theirs] = await Promise.all([startStore(), startEtcd()]);
    });
    afterAll(async () => {
      await Promise.all([ours?.stop(), theirs?.stop()]);
    });
    const both = <T>(ask: (endpoint: RunningEndpoint) => Promise<T>): Promise<[T, T]> =>
      Promise.all([ask(ours), ask(theirs)]);

    it.each(["simple", "json", "fields", "table"])("etcdctl -w %s", async (format) => {
      for (const [words, input] of commands) {
        const [own, other] = await both((endpoint) => etcdctl(endpoint, [...words, "-w", format], input));
        expect(own, words.join(" ")).toEqual(other);
      }
    });

    it.each(refused)("etcdctl %j", async (...words) => {
      const [own, other] = await both((endpoint) => etcdctl(endpoint, words));
      expect(own).toEqual(other);
    });

    it.each(requests)("the gateway's %s of %s", async (path, body) => {
      const [own, other] = await both((endpoint) => post(endpoint, path, body));
      expect(own).toEqual(other);
    });

    it("the gateway's watch, lock and keep-alive", async () => {
      const watched = await both(async (endpoint) => {
        const aborter = new AbortController();
        const response = await fetch(`${endpoint.url}/v3/watch`, {
          method: "POST",
          body: '{"create_request":{"key":"d2F0Y2g="}}{"createRequest":{"key":"Yg==","range_end":"YQ=="}}',
          signal: aborter.signal,
        });
        const lines = readLines(response);
        const first = [await lines.next(), await lines.next()];
        await endpoint.client.kv.put({ key: "watch", value: "1" });
        const found = [...first, await lines.next()].map(({ value }) => sameText(String(value)));
        aborter.abort();
        return found;
      });
      expect(watched[0]).toEqual(watched[1]);
      const locked = await both(async (endpoint) => {
        const name = Buffer.from("lock").toString("base64");
        const lock = async (): Promise<{ key: string }> =>
          (await (
            await fetch(`${endpoint.url}/v3/lock/lock`, { method: "POST", body: `{"name":"${name}"}` })
          ).json()) as {
            key: string;
          };
        const first = await lock();
        const second = lock();
        await puts(endpoint, "lock/", 2);
        const unlocked = await post(endpoint, "/v3/lock/unlock", JSON.stringify({ key: first.key }));
        const elected = await post(endpoint, "/v3/election/leader", `{"name":"${name}"}`);
        return [Object.keys(first), unlocked, Object.keys(await second), Object.keys(elected)];
      });
      expect(locked[0]).toEqual(locked[1]);
      const kept = await both(async (endpoint) => {
        await endpoint.client.lease.leaseGrant({ id: 77n, ttl: 100 });
        return post(endpoint, "/v3/lease/keepalive", '{"ID":77}\n{"ID":"78"}');
      });
      expect(kept[0]).toEqual(kept[1]);
    });
  },
);

const txn = 'version("a") = "0"\n\nput a 1\nget a\n\nput a 2\n\n';
const commands: readonly (readonly [words: readonly string[], input?: string])[] = [
  [["put", "k", "v"]],
  [["put", "k", "v2", "--prev-kv"]],
  [["get", "k"]],
  [["get", "k", "--hex"]],
  [["get", "", "--prefix", "--count-only"]],
  [["get", "", "--from-key", "--keys-only", "--sort-by", "MODIFY", "--order", "DESCEND", "--limit", "2"]],
  [["get", "none"]],
  [["txn"], txn],
  [["txn"], txn],
  [["del", "k", "--prev-kv"]],
  [["del", "", "--prefix"]],
  [["lease", "list"]],
  [["lease", "timetolive", "1"]],
  [["endpoint", "hashkv"]],
  [["user", "list"]],
  [["role", "list"]],
  [["role", "add", "r"]],
  [["role", "grant-permission", "r", "readwrite", "a", "c"]],
  [["role", "get", "r"]],
  [["role", "delete", "r"]],
  [["user", "add", "u:pw"]],
  [["user", "get", "u"]],
  [["user", "delete", "u"]],
  [["defrag"]],
  [["version"]],
];

const refused: readonly (readonly string[])[] = [
  ["get", "k", "--rev", "100000"],
  ["put", "k", "v", "--lease", "1234"],
  ["put", "none", "--ignore-value"],
  ["lease", "revoke", "1234"],
  ["lease", "grant", "99999999999"],
  ["compaction", "100000"],
  ["member", "remove", "abcd"],
  ["member", "add", "x", "--peer-urls=nonsense"],
  ["move-leader", "abcd"],
  ["user", "get", "nobody"],
  ["role", "get", "none"],
  ["user", "grant-role", "nobody", "r"],
  ["auth", "enable"],
  ["get", "k", "--user", "a:b"],
  ["alarm", "disarm"],
  ["get", "k", "--sort-by", "nonsense"],
];

const requests: readonly (readonly [path: string, body: string])[] = [
  ["/v3/kv/put", '{"key":"Zm9v","value":"YmFy","lease":0}'],
  ["/v3/kv/range", '{"key":"Zm9v"}'],
  ["/v3/kv/range", '{"key":""}'],
  ["/v3/kv/range", '{"unknown":"Zm9v"}'],
  ["/v3/kv/range", '{"key":"Zm9v","revision":"7777"}'],
  ["/v3/kv/range", '{"key":"Zm9v","sortOrder":"DESCEND","sort_target":1}'],
  ["/v3/kv/deleterange", '{"key":"Zm9v","prev_kv":true}'],
  [
    "/v3/kv/txn",
    '{"compare":[{"key":"Zm9v","target":"VERSION","result":"EQUAL","version":"0"}],"success":[{"requestPut":{"key":"Zm9v"}},{"request_range":{"key":"Zm9v"}},{"request_txn":{}}]}',
  ],
  ["/v3/kv/compaction", '{"revision":-1}'],
  ["/v3/lease/grant", '{"TTL":"60","ID":"123"}'],
  ["/v3/lease/revoke", '{"ID":"124"}'],
  ["/v3/lease/leases", "{}"],
  ["/v3/kv/lease/revoke", '{"ID":"123"}'],
  ["/v3/lease/timetolive", '{"ID":"125","keys":true}'],
  ["/v3/cluster/member/remove", '{"ID":"5"}'],
  ["/v3/auth/user/list", "{}"],
  ["/v3/auth/role/get", '{"role":"none"}'],
];

async function etcdctl(
  { url }: RunningEndpoint,
  words: readonly string[],
  input = "",
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn("etcdctl", ["--endpoints", url, ...words], { env: environment });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("latin1")));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("latin1")));
  // One that reads nothing of it may be gone already.
  child.stdin.once("error", () => undefined).end(input);
  const [code] = (await once(child, "close")) as [number | null];
  // The client's own log has the time in it.
  const said = err.split("\n").filter((line) => !line.startsWith("{"));
  return { code, out: sameText(out.replaceAll(url, "URL")), err: sameText(said.join("\n").replaceAll(url, "URL")) };
}

/** Resolves when so many keys were put under a prefix. */
async function puts({ client }: RunningEndpoint, prefix: string, count: number): Promise<void> {
  const aborter = new AbortController();
  const rangeEnd = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  let seen = 0;
  for await (const { events } of client.watch({ key: prefix, rangeEnd, startRevision: 1, signal: aborter.signal })) {
    seen += events.filter(({ type }) => type === "PUT").length;
    if (seen >= count) return;
  }
}

async function post({ url }: RunningEndpoint, path: string, body: string): Promise<object> {
  const response = await fetch(url + path, { method: "POST", body });
  const text = sameText(await response.text());
  const type = response.headers.get("content-type");
  if (response.ok) return { type, status: response.status, text };
  // Which status an error has, and how its fields are ordered, changed from etcd 3.4 to 3.6: ours are the newer ones.
  return { type, error: JSON.parse(text) as unknown };
}

/** Ids of members, clusters and the like differ by nature. */
function sameText(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{15,16}\b/g, "ID")
    .replaceAll(/\b\d{17,20}\b/g, "ID")
    .replaceAll(/("raft_?[Tt]erm" ?: ?)"?\d+"?/g, "$1TERM");
}

async function* readLines(response: Response): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
