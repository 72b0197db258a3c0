// The same requests to our store and to Debian's etcd in one run: every answer, every error's code and text, every event must be the
// same. Takes about 25 seconds.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conformance, randomScript, scripts, transcribe } from "@coxswain/etcd-api/testing";
import { etcdVersion, startEtcd, startStore } from "./store/endpoints.ts";
import type { RunningEndpoint } from "./store/endpoints.ts";
import { watchScripts } from "./store/watch-scripts.ts";
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
