// Watch: past and present, filters, previous values, progress, compaction.
import { deepStrictEqual, ok } from "node:assert";
import { CompactedError } from "../src/index.ts";
import type { EtcdClient, Event, WatchBatch, WatchOptions } from "../src/index.ts";
import type { Case } from "./case.ts";
import { prefixEnd } from "./expectations.ts";

export const watchCases: readonly Case[] = [
  {
    name: "shows events from a past revision on, then those that follow, without a gap",
    run: async ({ client, prefix, signal }) => {
      const start = (await client.kv.put({ key: `${prefix}a`, value: "1" })).header?.revision ?? 0;
      await client.kv.put({ key: `${prefix}a`, value: "2" });
      const events = follow(client, { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: start, signal });
      deepStrictEqual(await take(events, 2, prefix), ["PUT a=1", "PUT a=2"]);
      await client.kv.txn({
        success: [{ requestPut: { key: `${prefix}b`, value: "3" } }, { requestDeleteRange: { key: `${prefix}a` } }],
      });
      deepStrictEqual(await take(events, 2, prefix), ["PUT b=3", "DELETE a="]);
    },
  },
  {
    name: "shows only what comes after the watch's creation when no revision is given",
    run: async ({ client, prefix, signal }) => {
      const key = `${prefix}k`;
      await client.kv.put({ key, value: "before" });
      const batches = client.watch({ key, signal })[Symbol.asyncIterator]();
      const created = (await batches.next()).value as WatchBatch;
      deepStrictEqual([created.created, created.events.length], [true, 0]);
      const after = await client.kv.put({ key, value: "after" });
      const { events, revision } = (await batches.next()).value as WatchBatch;
      deepStrictEqual([events.map(({ kv }) => kv?.value.toString()), revision], [["after"], after.header?.revision]);
    },
  },
  {
    name: "filters puts or deletions, and adds previous values when asked",
    run: async ({ client, prefix, signal }) => {
      const key = `${prefix}k`;
      const start = (await client.kv.put({ key, value: "1" })).header?.revision ?? 0;
      await client.kv.put({ key, value: "2" });
      await client.kv.deleteRange({ key });
      const deletions = follow(client, { key, startRevision: start, filters: ["NOPUT"], prevKv: true, signal });
      const deletion = (await deletions.next()).value as Event;
      deepStrictEqual(
        [deletion.type, deletion.prevKv?.value.toString(), deletion.kv?.modRevision],
        ["DELETE", "2", start + 2],
      );
      const puts = follow(client, { key, startRevision: start, filters: ["NODELETE"], prevKv: true, signal });
      deepStrictEqual(
        [((await puts.next()).value as Event).prevKv, ((await puts.next()).value as Event).prevKv?.value.toString()],
        [undefined, "1"],
      );
    },
  },
  {
    name: "tells a synced watch how far it is when asked",
    run: async ({ client, prefix, signal }) => {
      const batches = client.watch({ key: `${prefix}quiet`, signal })[Symbol.asyncIterator]();
      await batches.next();
      const { header } = await client.kv.put({ key: `${prefix}other` });
      client.requestProgress();
      const progress = (await batches.next()).value as WatchBatch;
      ok(progress.events.length === 0 && progress.revision >= (header?.revision ?? 0), `progress ${progress.revision}`);
    },
  },
  {
    name: "ends a watch from a compacted revision with where history begins now",
    run: async ({ client, prefix, signal }) => {
      const key = `${prefix}k`;
      const start = (await client.kv.put({ key, value: "1" })).header?.revision ?? 0;
      await client.kv.put({ key, value: "2" });
      await client.kv.compact({ revision: start + 1 });
      try {
        await follow(client, { key, startRevision: start, signal }).next();
      } catch (error) {
        ok(error instanceof CompactedError, String(error));
        deepStrictEqual(error.compactRevision, start + 1);
        return;
      }
      throw new Error("the watch went on, expected it to end");
    },
  },
  {
    name: "carries many watches and many events at once, each in order",
    run: async ({ client, prefix, signal }) => {
      const start = ((await client.kv.range({ key: prefix })).header?.revision ?? 0) + 1;
      const watches = Array.from({ length: 50 }, (_, index) =>
        follow(client, { key: `${prefix}${index % 5}`, startRevision: start, signal }),
      );
      await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          client.kv.put({ key: `${prefix}${index % 5}`, value: "x".repeat(1000) }),
        ),
      );
      for (const watch of watches) {
        const versions: (number | undefined)[] = [];
        for (let index = 0; index < 40; index++) versions.push(((await watch.next()).value as Event).kv?.version);
        deepStrictEqual(
          versions,
          Array.from({ length: 40 }, (_, index) => index + 1),
        );
      }
    },
  },
];

async function* follow(client: EtcdClient, options: WatchOptions): AsyncGenerator<Event> {
  for await (const { events } of client.watch(options)) yield* events;
}

async function take(events: AsyncGenerator<Event>, count: number, prefix: string): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    taken.push(`${value.type} ${value.kv?.key.toString().slice(prefix.length)}=${value.kv?.value.toString()}`);
  }
  return taken;
}
