// Lists and watches over the wire, against our store and against etcd: the same answers from both, in Kubernetes' terms.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shown, watch } from "./api-watchers.ts";
import type { Answer, ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

const configMaps = "/api/v1/namespaces/lists/configmaps";

describe.each(["ours", "etcd"] as const)("lists and watches over %s as the store", (store) => {
  let plane: ControlPlane;
  const get = (query: string, headers?: Record<string, string>): Promise<Answer> =>
    plane.call("GET", `${configMaps}?${query}`, headers ? { headers } : {});
  const create = async (name: string, labels: object = {}): Promise<string> => {
    const { body } = await plane.call("POST", configMaps, { body: { metadata: { name, labels } } });
    return body.metadata.resourceVersion;
  };
  const names = ({ body }: Answer): string[] => body.items.map((item) => item.metadata.name);
  const causes = ({ body }: Answer): string[] => body.details.causes.map((cause) => `${cause.field}: ${cause.message}`);
  beforeAll(async () => {
    plane = await startControlPlane({ store });
    await plane.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "lists" } } });
    await plane.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "others" } } });
    for (const name of ["a", "b", "c", "d", "e"]) await create(name, { half: name < "c" ? "first" : "second" });
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  it("pages stay at the revision of the first one", async () => {
    const first = await get("limit=2");
    expect(first.body.metadata.remainingItemCount).toBe(3);
    await create("bb");
    const second = await get(`limit=2&continue=${first.body.metadata.continue}`);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const third = await get(`limit=2&continue=${second.body.metadata.continue}`);
    expect([...names(first), ...names(second), ...names(third)]).toEqual(["a", "b", "c", "d", "e"]);
    expect(third.body.metadata).toEqual({ resourceVersion: first.body.metadata.resourceVersion });
    await plane.call("DELETE", `${configMaps}/bb`);
  });

  it("pages of a selection are full and do not say how many remain", async () => {
    const first = await get("limit=2&labelSelector=half%3Dsecond");
    expect([names(first), first.body.metadata.remainingItemCount]).toEqual([["c", "d"], undefined]);
    const second = await get(`limit=2&labelSelector=half%3Dsecond&continue=${first.body.metadata.continue}`);
    expect([names(second), second.body.metadata.continue]).toEqual([["e"], undefined]);
  });

  it("a token of one namespace shows nothing of it in another", async () => {
    const token = (await get("limit=2")).body.metadata.continue;
    const { body } = await plane.call("GET", `/api/v1/namespaces/others/configmaps?limit=5&continue=${token}`);
    expect(body.items).toEqual([]);
  });

  it.each([
    ["continue=abc", "invalid continue token: continue key is not valid"],
    ["continue=!", "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"],
    [
      `continue=${token({ v: "meta.k8s.io/v1", rv: 0, start: "a" })}`,
      "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    ],
    [
      `continue=${token({ v: "meta.k8s.io/v1", rv: 5, start: "../../secrets/" })}`,
      "invalid continue token: continue key is not valid: ../../secrets/",
    ],
    [
      `continue=${token({ v: "v9", rv: 5, start: "a" })}`,
      "invalid continue token: continue key is not valid: server does not recognize this encoded version",
    ],
    [
      `resourceVersion=5&continue=${token({ v: "meta.k8s.io/v1", rv: 5, start: "a" })}`,
      "specifying resource version is not allowed when using continue",
    ],
    [
      "resourceVersion=x",
      'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    ],
    ["resourceVersion=-1", "invalid resource version"],
    ["limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["labelSelector=a%20b", "unable to parse requirement"],
    ["fieldSelector=spec.x%3D1", `"spec.x" is not a known field selector`],
  ])("a list with %s is a bad request", async (query, message) => {
    const answer = await get(query);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", reason: "BadRequest" });
    expect(answer.body.message).toContain(message);
  });

  const at = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden";
  it.each([
    ["resourceVersionMatch=Exact", [`${at} unless resourceVersion is provided`]],
    [
      "resourceVersion=0&resourceVersionMatch=Exact",
      ['resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
    ],
    [
      "resourceVersion=1&resourceVersionMatch=Near",
      ['resourceVersionMatch: Unsupported value: "Near": supported values: "Exact", "NotOlderThan", ""'],
    ],
    [
      "continue=abc&resourceVersionMatch=Exact",
      [`${at} unless resourceVersion is provided`, `${at} when continue is provided`],
    ],
    ["sendInitialEvents=true", ["sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"]],
    [
      "watch=true&sendInitialEvents=true",
      ["resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"],
    ],
    [
      "watch=true&resourceVersionMatch=Exact",
      [
        `${at} for watch unless sendInitialEvents is provided`,
        'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
      ],
    ],
  ])("options %s contradict each other", async (query, wanted) => {
    const answer = await get(query);
    expect(answer.status).toBe(422);
    expect(causes(answer)).toEqual(wanted.map((text) => text));
  });

  it("a list of a revision to come is a timeout that says to come again", async () => {
    for (const query of ["resourceVersion=99999999", "resourceVersion=99999999&resourceVersionMatch=Exact"]) {
      const { status, body, headers } = await get(query);
      expect(status).toBe(504);
      expect(body).toMatchObject({
        reason: "Timeout",
        details: { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }] },
      });
      expect(headers["retry-after"]).toBe("1");
    }
  });

  it("an exact revision is answered as it was", async () => {
    const revision = (await get("")).body.metadata.resourceVersion;
    await create("later");
    const exact = await get(`resourceVersion=${revision}&resourceVersionMatch=Exact`);
    expect([names(exact), exact.body.metadata.resourceVersion]).toEqual([["a", "b", "c", "d", "e"], revision]);
    expect(names(await get(`resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`))).toContain("later");
    await plane.call("DELETE", `${configMaps}/later`);
  });

  it("a list sees every write that was acknowledged before it", async () => {
    for (let round = 0; round < 20; round += 1) {
      await create(`round-${round}`);
      expect(names(await get(""))).toContain(`round-${round}`);
      await plane.call("DELETE", `${configMaps}/round-${round}`);
      expect(names(await get(""))).not.toContain(`round-${round}`);
    }
  });

  it("a watch list begins with what there is, marks its end, and goes on", async () => {
    const watching = await watch(
      plane,
      `${configMaps}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=half%3Dfirst`,
    );
    const seen = await watching.until((events) => events.some(({ type }) => type === "BOOKMARK"));
    expect(seen.map(shown)).toEqual(["ADDED a", "ADDED b", "BOOKMARK"]);
    expect(seen[2]?.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    await create("aa", { half: "first" });
    await watching.until((events) => events.length === 4);
    watching.stop();
    expect(watching.events.map(shown)[3]).toBe("ADDED aa");
    await plane.call("DELETE", `${configMaps}/aa`);
  });

  it("a bookmark is an object of the kind with all that such a one must have", async () => {
    const pods = "/api/v1/namespaces/lists/pods?sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    const watching = await watch(plane, `${pods}&allowWatchBookmarks=true`);
    const [bookmark] = await watching.until((events) => events.length === 1);
    watching.stop();
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: { kind: "Pod", apiVersion: "v1", spec: { containers: [] } },
    });
    expect(bookmark?.object.metadata).not.toHaveProperty("creationTimestamp");
  });

  it("an object that begins or ceases to match is added or deleted, the latter as it was last seen", async () => {
    const since = (await get("")).body.metadata.resourceVersion;
    const watching = await watch(plane, `${configMaps}?resourceVersion=${since}&labelSelector=shown%3Dyes`);
    await create("changing");
    const label = (value: string | null) =>
      plane.call("PATCH", `${configMaps}/changing`, {
        headers: { "content-type": "application/merge-patch+json" },
        body: { metadata: { labels: { shown: value } } },
      });
    await label("yes");
    await plane.call("PATCH", `${configMaps}/changing`, {
      headers: { "content-type": "application/merge-patch+json" },
      body: { data: { k: "v" } },
    });
    const { body: hidden } = await label("no");
    await plane.call("DELETE", `${configMaps}/changing`);
    const seen = await watching.until((events) => events.length === 3);
    watching.stop();
    expect(seen.map(shown)).toEqual(["ADDED changing", "MODIFIED changing", "DELETED changing"]);
    expect(seen[2]?.object.metadata).toMatchObject({
      labels: { shown: "yes" },
      resourceVersion: hidden.metadata.resourceVersion,
    });
  });

  it("a watch of one name, of a field, of tables and of metadata alone sees what it asked for", async () => {
    const since = (await get("")).body.metadata.resourceVersion;
    const named = await watch(plane, `/api/v1/watch/namespaces/lists/configmaps/one?resourceVersion=${since}`);
    const selected = await watch(plane, `${configMaps}?resourceVersion=${since}&fieldSelector=metadata.name!%3Done`);
    await create("one");
    await create("two");
    expect((await named.until((events) => events.length === 1)).map(shown)).toEqual(["ADDED one"]);
    expect((await selected.until((events) => events.length === 1)).map(shown)).toEqual(["ADDED two"]);
    named.stop();
    selected.stop();
    const table = await get(`watch=true&timeoutSeconds=1&resourceVersion=${since}`, {
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    });
    const events = table.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(
      events.map(({ object }) => [object.kind, object.columnDefinitions?.length, object.rows[0].cells[0]]),
    ).toEqual([
      ["Table", 3, "one"],
      ["Table", undefined, "two"],
    ]);
    const partial = await get(`watch=true&timeoutSeconds=1&resourceVersion=${since}`, {
      accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    });
    const [line = ""] = partial.text.split("\n");
    expect(JSON.parse(line).object.kind).toBe("PartialObjectMetadata");
    for (const name of ["one", "two"]) await plane.call("DELETE", `${configMaps}/${name}`);
  });

  it("JSON ends with its line, but where it is indented, as Go's encoders leave it", async () => {
    const texts = await Promise.all(
      ["/api/v1/namespaces/default", "/api/v1/namespaces", "/api/v1/namespaces/nobody", "/api/v1", "/apis"].map(
        async (path) => [await plane.call("GET", path), await plane.call("GET", `${path}?pretty=true`)] as const,
      ),
    );
    expect(texts.map(([{ text }]) => /[^\n]\n$/.test(text))).toEqual([true, true, true, true, true]);
    expect(texts.slice(0, 3).map(([, { text }]) => text.endsWith("\n}"))).toEqual([true, true, true]);
    expect((await plane.call("GET", "/version")).text).toMatch(/^{\n {2}"major": [^]*\n}$/);
  });

  it("objects, lists, metadata and watches come in protobuf to who asks for it", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    const asked = async (path: string, accept: string): Promise<[number, string | undefined, string]> => {
      const { status, headers, text } = await plane.call("GET", path, { headers: { accept } });
      return [status, headers["content-type"], text];
    };
    expect(await asked(`${configMaps}/a`, `${protobuf},application/json`)).toEqual([
      200,
      protobuf,
      expect.stringMatching(/^k8s\0[^]*v1[^]*ConfigMap[^]*lists/),
    ]);
    expect(await asked(configMaps, protobuf)).toEqual([200, protobuf, expect.stringContaining("ConfigMapList")]);
    expect(await asked(configMaps, `${protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`)).toEqual([
      200,
      protobuf,
      expect.stringContaining("PartialObjectMetadataList"),
    ]);
    const query = "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    const [code, type, frames] = await asked(`${configMaps}?${query}&allowWatchBookmarks=true`, protobuf);
    expect([code, type]).toEqual([200, `${protobuf};stream=watch`]);
    expect(frames.match(/ADDED|BOOKMARK/g)).toEqual([...names(await get("")).map(() => "ADDED"), "BOOKMARK"]);
    expect(await asked(`${configMaps}/none`, protobuf)).toEqual([
      404,
      protobuf,
      expect.stringContaining('configmaps "none" not found'),
    ]);
  });

  it("a watch ends when its time is over, and may begin at a revision that is still to come", async () => {
    const { status, text } = await get("watch=true&timeoutSeconds=1&resourceVersion=99999999");
    expect([status, text]).toEqual([200, ""]);
  });

  it("a deletion of a collection takes what its selector picks and says what it took", async () => {
    const { status, body } = await plane.call("DELETE", `${configMaps}?labelSelector=half%3Dsecond`);
    expect([status, body.kind, body.items.length]).toEqual([200, "ConfigMapList", 3]);
    expect(names(await get(""))).toEqual(["a", "b"]);
  });
});

function token(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}
