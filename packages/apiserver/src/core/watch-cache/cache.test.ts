import { describe, expect, it } from "vitest";
import type { StorageEvent } from "../storage.ts";
import { WatchCache } from "./cache.ts";
import { lineOf, storedValueOf } from "./entry.ts";

const value = (name: string, namespace = "n"): Buffer =>
  Buffer.from(`{"kind":"K","apiVersion":"v1","metadata":{"name":"${name}","namespace":"${namespace}"}}`);
const put = (name: string, revision: number, created = true): StorageEvent => ({
  type: "put",
  key: `/r/n/${name}`,
  value: value(name),
  revision,
  created,
});
const gone = (name: string, revision: number): StorageEvent => ({
  type: "delete",
  key: `/r/n/${name}`,
  value: Buffer.alloc(0),
  revision,
  created: false,
});
const filled = (changes = 3): WatchCache => {
  const cache = new WatchCache(undefined, { changes, bytes: 1e6 });
  cache.replace([{ key: "/r/n/b", value: value("b"), revision: 5 }], 10);
  return cache;
};

describe("WatchCache", () => {
  it("WatchCache keeps objects in the order of keys, whole and by namespace", () => {
    const cache = filled();
    cache.apply([put("c", 11), put("a", 12)], 12);
    expect([cache.list("").map(({ name }) => name), cache.list("n").length, cache.list("other").length]).toEqual([
      ["a", "b", "c"],
      3,
      0,
    ]);
  });

  it("WatchCache ignores events it has already", () => {
    const cache = filled();
    cache.apply([put("x", 9)], 10);
    expect(cache.size).toBe(1);
  });

  it("WatchCache resumes from its window and from nowhere before it", () => {
    const cache = filled(2);
    cache.apply([put("c", 11), put("d", 12), gone("c", 13)], 13);
    expect([cache.since(10), cache.since(11)?.map(({ revision }) => revision), cache.since(13)]).toEqual([
      undefined,
      [12, 13],
      [],
    ]);
  });

  it("WatchCache tells listeners each change, then how far it is", () => {
    const cache = filled();
    const heard: string[] = [];
    const stop = cache.listen({
      changed: ({ before, after, revision }) =>
        void heard.push(`${before?.name ?? "-"}>${after?.name ?? "-"} ${revision}`),
      flush: (revision) => void heard.push(`flush ${revision}`),
      interrupted: () => void heard.push("interrupted"),
    });
    cache.apply([put("c", 11), gone("b", 12)], 15);
    cache.replace([], 20);
    stop();
    cache.apply([put("z", 21)], 21);
    expect(heard).toEqual(["->c 11", "b>- 12", "flush 15", "interrupted"]);
  });

  it("WatchCache takes an expected object for what an event brings only when the bytes are the very same", () => {
    const cache = filled();
    const heard: unknown[] = [];
    cache.listen({
      changed: (_change, object) => void heard.push(object?.metadata.labels),
      flush: () => undefined,
      interrupted: () => undefined,
    });
    const said = (name: string) => ({
      kind: "K",
      apiVersion: "v1",
      metadata: { name, namespace: "n", labels: { by: "the writer" } },
    });
    cache.expect("/r/n/c", value("c"), said("c"));
    cache.expect("/r/n/d", value("other"), said("d"));
    cache.expect("/r/n/e", value("e"), said("e"))();
    cache.apply([put("c", 11), put("d", 12), put("e", 13), put("c", 14, false)], 14);
    expect(heard).toEqual([{ by: "the writer" }, undefined, undefined, undefined]);
  });

  it("storedValueOf gives back the very bytes that the store has, also of an object that says nothing else", () => {
    const cache = filled();
    const bare = Buffer.from('{"kind":"K","apiVersion":"v1","metadata":{},"spec":{}}');
    cache.apply([put("c", 11), { ...put("bare", 12), value: bare }], 12);
    const back = ["b", "c", "bare"].map((name) => {
      const entry = cache.get(`/r/n/${name}`);
      return entry && storedValueOf(entry);
    });
    expect(back).toEqual([
      { key: "/r/n/b", value: value("b"), revision: 5 },
      { key: "/r/n/c", value: value("c"), revision: 11 },
      { key: "/r/n/bare", value: bare, revision: 12 },
    ]);
  });

  it("lineOf gives a deletion the revision it happened at", () => {
    const entry = filled().get("/r/n/b");
    const line = entry && lineOf(entry, "DELETED", 12).toString();
    expect(line).toBe(
      '{"type":"DELETED","object":{"kind":"K","apiVersion":"v1","metadata":{"resourceVersion":"12","name":"b","namespace":"n"}}}\n',
    );
  });
});
