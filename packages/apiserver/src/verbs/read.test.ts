import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
let api: TestApi;
beforeEach(async () => {
  api = createTestApi();
  for (const name of ["a", "b", "c", "d", "e"])
    await api.send("POST", configMaps, { metadata: { name, labels: { odd: String("ace".includes(name)) } } });
});
afterEach(() => api.stop());
const names = async (path: string): Promise<string[]> =>
  ((await api.send("GET", path)).body.items ?? []).map(({ metadata }) => metadata.name);

describe("get", () => {
  it("answers with a state that is not older than the client wants, and says so when there is none yet", async () => {
    expect((await api.send("GET", `${configMaps}/a?resourceVersion=5`)).body.metadata.resourceVersion).toBe("2");
    for (const name of ["a", "nobody"])
      expect(await api.send("GET", `${configMaps}/${name}?resourceVersion=1000`)).toMatchObject({
        code: 504,
        body: {
          reason: "Timeout",
          message: "Timeout: Too large resource version: 1000, current: 6",
          details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 },
        },
      });
    expect((await api.send("GET", `${configMaps}/nobody?resourceVersion=1`)).code).toBe(404);
  });
});

describe("list", () => {
  it("list shows a collection at one resourceVersion, items without kind", async () => {
    const { body } = await api.send("GET", configMaps);
    expect([body.kind, body.metadata]).toEqual(["ConfigMapList", { resourceVersion: "6" }]);
    expect(body.items?.[0]).toMatchObject({ metadata: { name: "a", resourceVersion: "2" } });
    expect(body.items?.[0]).not.toHaveProperty("kind");
  });

  it("list selects by labels and fields", async () => {
    expect(await names(`${configMaps}?labelSelector=odd=true`)).toEqual(["a", "c", "e"]);
    expect(await names(`${configMaps}?labelSelector=odd%20notin%20(true)`)).toEqual(["b", "d"]);
    expect(await names(`/api/v1/configmaps?fieldSelector=metadata.name=b,metadata.namespace=default`)).toEqual(["b"]);
  });

  it("list selects events by the names of the group that is asked, from memory and from the store", async () => {
    const events = "/namespaces/default/events";
    await api.send("POST", `/apis/events.k8s.io/v1${events}`, {
      ...{
        metadata: { name: "e" },
        eventTime: "2026-01-02T03:04:05.000000Z",
        type: "Normal",
        reason: "r",
        action: "a",
      },
      ...{ reportingController: "example.com/c", reportingInstance: "i", regarding: { namespace: "default" } },
    });
    for (const path of [
      `/apis/events.k8s.io/v1${events}?fieldSelector=reportingController=example.com/c,regarding.namespace=default`,
      `/api/v1${events}?fieldSelector=reportingComponent=example.com/c,involvedObject.namespace=default`,
    ])
      for (const more of ["", "&resourceVersion=0", "&limit=1"])
        expect([path, await names(path + more)]).toEqual([path, ["e"]]);
    expect(await names(`/apis/events.k8s.io/v1${events}?fieldSelector=reportingController!=example.com/c`)).toEqual([]);
  });

  it("list pages through one revision, whatever happens meanwhile", async () => {
    const first = await api.send("GET", `${configMaps}?limit=2`);
    expect(first.body.metadata).toMatchObject({ resourceVersion: "6", remainingItemCount: 3 });
    await api.send("DELETE", `${configMaps}/c`);
    await api.send("POST", configMaps, { metadata: { name: "bb" } });
    const second = await api.send("GET", `${configMaps}?limit=2&continue=${first.body.metadata.continue}`);
    expect(second.body.items?.map(({ metadata }) => metadata.name)).toEqual(["c", "d"]);
    const third = await api.send("GET", `${configMaps}?limit=2&continue=${second.body.metadata.continue}`);
    expect([third.body.items?.map(({ metadata }) => metadata.name), third.body.metadata]).toEqual([
      ["e"],
      { resourceVersion: "6" },
    ]);
  });

  it("list pages fill up when a selector throws most away", async () => {
    const { body } = await api.send("GET", `${configMaps}?limit=2&labelSelector=odd=true`);
    expect(body.items?.map(({ metadata }) => metadata.name)).toEqual(["a", "c"]);
    expect(await names(`${configMaps}?limit=2&labelSelector=odd=true&continue=${body.metadata.continue}`)).toEqual([
      "e",
    ]);
  });

  it("list goes back to an exact revision", async () => {
    await api.send("DELETE", `${configMaps}/a`);
    expect(await names(`${configMaps}?resourceVersion=4&resourceVersionMatch=Exact`)).toEqual(["a", "b", "c"]);
  });

  it("list says 410 when its page's revision is compacted", async () => {
    const { body } = await api.send("GET", `${configMaps}?limit=2`);
    await api.storage.compact(100);
    const answer = await api.send("GET", `${configMaps}?limit=2&continue=${body.metadata.continue}`);
    expect([answer.code, answer.body.reason]).toEqual([410, "Expired"]);
  });

  it.each([
    ["labelSelector=a%3D%3D%3Db", 400],
    ["fieldSelector=spec.x=1", 400],
    ["resourceVersion=x", 400],
    ["limit=x", 400],
    ["continue=zzz", 400],
    ["resourceVersionMatch=Exact", 422],
    ["resourceVersionMatch=Exact&resourceVersion=0", 422],
    ["sendInitialEvents=true", 422],
  ])("list with %s is %i", async (query, code) => {
    expect((await api.send("GET", `${configMaps}?${query}`)).code).toBe(code);
  });
});

describe("watch", () => {
  it("watch sends what is there, then what happens", async () => {
    const watch = await api.watch(`${configMaps}?watch=true&fieldSelector=metadata.name=a`);
    await api.send(
      "PATCH",
      `${configMaps}/a`,
      { data: { x: "1" } },
      { "content-type": "application/merge-patch+json" },
    );
    await api.send("DELETE", `${configMaps}/a`);
    await api.send("GET", configMaps);
    expect(watch.events()).toEqual(["ADDED a 2", "MODIFIED a 7", "DELETED a 8"]);
  });

  it("watch turns beginning and ceasing to match into ADDED and DELETED", async () => {
    const watch = await api.watch(`${configMaps}?watch=true&resourceVersion=6&labelSelector=odd=true`);
    const label = (odd: string): Promise<unknown> =>
      api.send(
        "PATCH",
        `${configMaps}/b`,
        { metadata: { labels: { odd } } },
        { "content-type": "application/merge-patch+json" },
      );
    await label("true");
    await label("false");
    await api.send("GET", configMaps);
    expect(watch.events()).toEqual(["ADDED b 7", "DELETED b 8"]);
  });

  it("watch resumes where it was, also after a restart forgot the window", async () => {
    await api.send("DELETE", `${configMaps}/e`);
    await api.send("GET", configMaps);
    api.restart();
    const watch = await api.watch(`${configMaps}?watch=true&resourceVersion=4`);
    await api.send("POST", configMaps, { metadata: { name: "f" } });
    await api.send("GET", configMaps);
    expect(watch.events()).toEqual(["ADDED d 5", "ADDED e 6", "DELETED e 7", "ADDED f 8"]);
  });

  it("watch ends with Expired when the store has forgotten, too", async () => {
    await api.storage.compact(6);
    const watch = await api.watch(`${configMaps}?watch=true&resourceVersion=2`);
    expect(watch.events()).toEqual([expect.stringContaining('"reason":"Expired","code":410')]);
  });

  it("watch marks the end of the initial events", async () => {
    const watch = await api.watch(
      `${configMaps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=odd=false`,
    );
    expect(watch.events()).toEqual(["ADDED b 3", "ADDED d 5", "BOOKMARK 6 initial-events-end"]);
  });

  it("a watch from what is no number is refused, one from what may still come ends with a failure", async () => {
    const { body } = await api.send("GET", `${configMaps}?watch=true&resourceVersion=x`);
    expect(body).toMatchObject({ code: 422, message: expect.stringContaining('strconv.ParseUint: parsing "x"') });
    const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1000";
    await api.send("GET", configMaps);
    const watch = api.watch(`${configMaps}?watch=true&${query}`);
    await setImmediate();
    await api.clock.advance(5000);
    expect((await watch).events()).toEqual([
      expect.stringContaining('"message":"Timeout: Too large resource version: 1000, current: 6"'),
    ]);
  });

  it.each(["", "&resourceVersion=0"])("a watch from nowhere%s is told where what there is ends", async (from) => {
    const watch = await api.watch(`${configMaps}?watch=true&allowWatchBookmarks=true&labelSelector=odd=false${from}`);
    expect(watch.events()).toEqual(["ADDED b 3", "ADDED d 5", "BOOKMARK 6 initial-events-end"]);
  });

  it("watch of events under their other name gives them that form", async () => {
    await api.send("POST", "/api/v1/namespaces/default/events", {
      metadata: { name: "x", namespace: "default" },
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "R",
      message: "m",
      type: "Normal",
    });
    const { body } = await api.send("GET", "/apis/events.k8s.io/v1/namespaces/default/events/x");
    expect(body).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      regarding: { kind: "Pod", name: "p" },
      note: "m",
      reason: "R",
    });
  });
});
