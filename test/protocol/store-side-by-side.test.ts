// The same requests to our store and to Debian's etcd in one run: every answer, every error's code and text, every event must be the
// same. Takes about 25 seconds.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decode, encode, rangeRequest, rangeStreamResponse } from "@coxswain/etcd-api";
import type { DowngradeRequest, GrpcError, Init, RangeRequest, RangeResponse } from "@coxswain/etcd-api";
import { conformance, randomScript, scripts, transcribe } from "@coxswain/etcd-api/testing";
import { etcdVersion, startEtcd, startStore } from "./store/endpoints.ts";
import type { RunningEndpoint } from "./store/endpoints.ts";
import { rawStream } from "./store/raw-call.ts";
import { watchBeforeTheFirst, watchScripts } from "./store/watch-scripts.ts";
import { openWatchStream } from "./store/watch-stream.ts";
import type { WatchScript } from "./store/watch-scripts.ts";

describe.skipIf(etcdVersion === undefined)(`our store and etcd (${etcdVersion ?? "not installed"})`, () => {
  let ours: RunningEndpoint;
  let theirs: RunningEndpoint;
  const both = <T>(ask: (endpoint: RunningEndpoint) => Promise<T>): Promise<[T, T]> =>
    Promise.all([ask(ours), ask(theirs)]);

  beforeAll(async () => {
    [ours, theirs] = await Promise.all([startStore(), startEtcd()]);
  });
  afterAll(async () => {
    await Promise.all([ours?.stop(), theirs?.stop()]);
  });

  // First, while revisions are what the scripts say.
  it.each(watchScripts)("watch alike: one that $name", async (script) => {
    const [own, other] = await both((endpoint) => watched(endpoint, script));
    expect(own).toEqual(other);
  });

  it("refuses a watch from a negative revision, as newer etcd does", async () => {
    expect(await watched(ours, watchBeforeTheFirst)).toEqual([
      expect.stringMatching(
        /"watchId":-1,"created":true,"canceled":true,"cancelReason":"etcdserver: mvcc: required revision has been compacted"/,
      ),
    ]);
  });

  it.each(scripts)("$name alike", async ({ steps }) => {
    const [own, other] = await both(({ client }) => transcribe(client, steps));
    expect(own).toEqual(other);
  });

  it.each([1, 2, 3, 4])("answer 400 requests of seed %d alike", async (seed) => {
    const from = (await theirs.client.kv.range({ key: "x" })).header?.revision ?? 1;
    const { steps } = randomScript(seed, 400, from);
    const [own, other] = await both(({ client }) => transcribe(client, steps));
    expect(own).toEqual(other);
  });

  it("refuse watches alike once auth is on", async () => {
    const [own, other] = await both(refusedWatches);
    expect(own).toEqual(other);
    expect(own.filter((line) => line.includes("canceled"))).toHaveLength(11);
  });

  // etcd has it since 3.7: Debian's does not, and clients then go back to Range.
  it("streams a range in parts that together are the range", async () => {
    const { client, url } = ours;
    const value = Buffer.alloc(100_000, "v");
    await Promise.all(Array.from({ length: 40 }, (_, index) => client.kv.put({ key: `rs/${index}`, value })));
    const { header } = await client.kv.put({ key: "rs/last", value: "new" });
    const whole = { key: "rs/", rangeEnd: "rs0" };
    for (const options of [{}, { limit: 7 }, { keysOnly: true }, { countOnly: true }, { revision: header?.revision }]) {
      const request = { ...whole, ...options };
      const parts = await streamRange(url, request);
      expect(parts.slice(0, -1).every((part) => !part?.header && part?.count === 0 && !part.more)).toBe(true);
      const merged = { ...parts.at(-1), kvs: parts.flatMap((part) => part?.kvs ?? []) };
      expect(merged).toEqual(await client.kv.range(request));
    }
    expect((await streamRange(url, whole)).length).toBeGreaterThan(2);
    for (const [odd, details] of [
      [{ sortOrder: "DESCEND" }, "RangeStream does not support custom sort orders"],
      [{ sortOrder: "ASCEND", sortTarget: "MOD" }, "RangeStream does not support custom sort orders"],
      [{ minModRevision: 3 }, "RangeStream does not support revision filters"],
    ] as const)
      await expect(streamRange(url, { ...whole, ...odd })).rejects.toMatchObject({ code: 12, details });
    await expect(streamRange(url, { key: "" })).rejects.toMatchObject({ details: "etcdserver: key is not provided" });
    await expect(streamRange(theirs.url, whole)).rejects.toMatchObject({ code: 12 });
  });

  it("says honestly, in etcd's words, that there is nothing to downgrade to", async () => {
    const { maintenance } = ours.client;
    const told = (action: DowngradeRequest["action"], version = ""): Promise<unknown> =>
      maintenance.downgrade({ action, version }).catch((error: unknown) => (error as GrpcError).details);
    expect([
      await told("VALIDATE", "3.5"),
      await told("ENABLE", "3.6.0"),
      await told("VALIDATE", "older"),
      await told("CANCEL"),
    ]).toEqual([
      "etcdserver: invalid downgrade target version",
      "etcdserver: invalid downgrade target version",
      "etcdserver: wrong downgrade target version format",
      "etcdserver: no inflight downgrade job",
    ]);
  });

  it.each(conformance)("$name: both", async ({ name, run }) => {
    await both(async ({ client }) => {
      const aborter = new AbortController();
      try {
        await run({ client, prefix: `case ${name}/`, signal: aborter.signal });
      } finally {
        aborter.abort();
      }
    });
  });
});

async function streamRange(url: string, request: Init<RangeRequest>): Promise<readonly (RangeResponse | undefined)[]> {
  const messages = await rawStream(url, "/etcdserverpb.KV/RangeStream", encode(rangeRequest, request));
  return messages.map((bytes) => decode(rangeStreamResponse, bytes).rangeResponse);
}

/** Who may watch what once auth is on: nobody in particular, the bearer of a made-up token, and a user who may read "a". */
async function refusedWatches({ url, client: { auth } }: RunningEndpoint): Promise<string[]> {
  for (const [name, role] of [
    ["root", "root"],
    ["al", "r"],
  ] as const) {
    await auth.userAdd({ name, password: "pw" });
    await auth.roleAdd({ name: role });
    await auth.userGrantRole({ user: name, role });
  }
  await auth.roleGrantPermission({ name: "r", perm: { permType: "READ", key: "a" } });
  await auth.authEnable({});
  const { token } = await auth.authenticate({ name: "al", password: "pw" });
  const lines: string[] = [];
  for (const metadata of [{}, { token: "made.1" }, { token }]) {
    const stream = openWatchStream(url, metadata);
    for (const createRequest of [{ key: "a" }, { key: "b" }, { key: "a", rangeEnd: "b" }, {}]) {
      stream.send({ createRequest });
      lines.push(...(await stream.lines(1)));
    }
    stream.close();
  }
  const root = (await auth.authenticate({ name: "root", password: "pw" })).token;
  await auth.authDisable({}, { metadata: { token: root } });
  return lines;
}

async function watched({ url, client }: RunningEndpoint, { steps }: WatchScript): Promise<string[]> {
  const stream = openWatchStream(url);
  const lines: string[] = [];
  try {
    for (const step of steps) {
      if ("send" in step) stream.send(step.send);
      else if ("does" in step) lines.push(...(await transcribe(client, [step.does])));
      else lines.push(...(await stream.lines(step.receive)));
    }
    return lines;
  } finally {
    stream.close();
  }
}
