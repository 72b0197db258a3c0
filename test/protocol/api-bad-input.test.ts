// What clients must not do, done: every answer is a Status with the code that Kubernetes gives, the server goes on, and nothing
// unexpected has happened inside.
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watch } from "./api-watchers.ts";
import type { Answer, ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

const path = "/api/v1/namespaces/bad/configmaps";
const megabyte = 1024 * 1024;
let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "bad" } } });
  await plane.call("POST", path, { body: { metadata: { name: "victim" }, data: { k: "v" } } });
});
afterAll(() => plane?.[Symbol.asyncDispose]());

const post = (body: unknown, headers: Record<string, string> = {}, query = ""): Promise<Answer> =>
  plane.call("POST", `${path}${query}`, { body, headers });
const patch = (type: string, body: unknown): Promise<Answer> =>
  plane.call("PATCH", `${path}/victim`, { body, headers: { "content-type": `application/${type}` } });

describe("bodies", () => {
  const deep = (levels: number): string =>
    `{"metadata":{"name":"deep"},"x":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`;
  const bomb = [
    "x0: &x0 {a: b}",
    ...Array.from(
      { length: 9 },
      (_unused, index) => `x${index + 1}: &x${index + 1} [${Array(10).fill(`*x${index}`).join()}]`,
    ),
  ].join("\n");

  it.each([
    ["nothing", "", 400, "couldn't get version/kind"],
    ["half an object", '{"metadata":', 400, "json parse error"],
    ["null", "null", 400, "cannot unmarshal null"],
    ["a list", "[]", 400, "cannot unmarshal array"],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x7b]), 400, "json parse error"],
    ["another kind", '{"kind":"Secret","apiVersion":"v1"}', 400, "cannot be handled as a ConfigMap"],
    ["an unknown version", '{"kind":"ConfigMap","apiVersion":"v9"}', 400, "no kind"],
    ["a number for a name", '{"metadata":{"name":5}}', 400, "cannot unmarshal number into Go struct field"],
    ["five thousand levels", deep(5000), 400, "exceeded max depth"],
    ["four hundred thousand levels", deep(400_000), 400, "exceeded max depth"],
    ["a million brackets", "[".repeat(megabyte), 400, "json parse error"],
    ["4 MiB", `{"metadata":{"name":"x"},"data":{"k":"${"x".repeat(4 * megabyte)}"}}`, 413, "limit is 3145728"],
    ["2 MiB of data", `{"metadata":{"name":"x"},"data":{"k":"${"x".repeat(2 * megabyte)}"}}`, 422, "Too long"],
    ["no name", "{}", 422, "name or generateName is required"],
    ["a bad name", '{"metadata":{"name":"Not_A_Name"}}', 422, "RFC 1123"],
    ["a bad label", '{"metadata":{"name":"x","labels":{"a b":"c"}}}', 422, "metadata.labels"],
    ["another namespace", '{"metadata":{"name":"x","namespace":"y"}}', 400, "does not match the namespace"],
    ["a resourceVersion", '{"metadata":{"name":"x","resourceVersion":"5"}}', 400, "should not be set"],
    ["no time for a time", '{"metadata":{"name":"x","creationTimestamp":"today"}}', 400, "parsing time"],
  ])("JSON with %s is refused", async (_what, body, code, message) => {
    const answer = await post(body);
    expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", code });
    expect([answer.status, answer.body.message]).toEqual([code, expect.stringContaining(message)]);
  });

  it.each([
    ["application/yaml", "a: b: c", 400, "yaml: line 1"],
    ["application/yaml", `a: ${"[".repeat(100_000)}`, 400, "yaml: "],
    ["application/yaml", bomb, 400, "excessive aliasing"],
    ["application/vnd.kubernetes.protobuf", "no envelope", 400, "expected prefix 6b 38 73 00"],
    ["application/vnd.kubernetes.protobuf", Buffer.from("k8s\0\xff\xff\xff\xff", "latin1"), 400, "unexpected EOF"],
    ["text/plain", "{}", 415, "accepted media types include: application/json"],
  ])("a body of %s that is none is refused: %#", async (type, body, code, message) => {
    const answer = await post(body, { "content-type": type });
    expect([answer.status, answer.body.message]).toEqual([code, expect.stringContaining(message)]);
  });

  it("says which fields occur twice or are unknown, as strictly as it is asked", async () => {
    const body = '{"metadata":{"name":"twice","name":"twice"},"dta":{}}';
    const strict = await post(body, {}, "?fieldValidation=Strict");
    expect([strict.status, strict.body.message]).toEqual([
      400,
      expect.stringContaining('strict decoding error: duplicate field "metadata.name", unknown field "dta"'),
    ]);
    const warned = await post(body, {}, "?fieldValidation=Warn&dryRun=All");
    expect([warned.status, warned.headers["warning"]]).toEqual([
      201,
      expect.stringContaining('299 - "duplicate field'),
    ]);
    const ignored = await post(body, {}, "?fieldValidation=Ignore&dryRun=All");
    expect([ignored.status, ignored.headers["warning"]]).toEqual([201, undefined]);
  });

  it("unpacks gzip, refuses what is none, and is not fooled by what grows", async () => {
    const packed = (text: string): Buffer => gzipSync(text);
    const gzip = { "content-encoding": "gzip" };
    expect((await post(packed('{"metadata":{"name":"packed"}}'), gzip, "?dryRun=All")).status).toBe(201);
    expect((await post("{}", gzip)).status).toBe(400);
    expect((await post(packed(" ".repeat(100 * megabyte)), gzip)).status).toBe(413);
  });

  it("takes ten thousand labels", async () => {
    const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_unused, index) => [`l${index}`, "v"]));
    expect((await post({ metadata: { name: "labels", labels } })).status).toBe(201);
    const found = await plane.call("GET", `${path}?labelSelector=l9999%3Dv,l5000`);
    expect(found.body.items).toHaveLength(1);
  });
});

describe("patches", () => {
  const operations = (count: number) =>
    Array.from({ length: count }, (_unused, index) => ({ op: "add", path: `/data/k${index}`, value: "v" }));
  const doubling = Array.from({ length: 60 }, (_unused, index) => ({
    op: "copy",
    from: "/data",
    path: `/data/c${index}`,
  }));

  it.each([
    ["json-patch+json", "{", 400],
    ["json-patch+json", {}, 400],
    ["json-patch+json", [{ op: "test", path: "/data/k", value: "w" }], 422],
    ["json-patch+json", [{ op: "remove", path: "/data/absent" }], 422],
    ["json-patch+json", [{ op: "fly", path: "/" }], 400],
    ["json-patch+json", operations(10_001), 413],
    ["json-patch+json", [{ op: "add", path: "/data/big", value: "x".repeat(100_000) }, ...doubling], 422],
    ["merge-patch+json", [], 400],
    ["merge-patch+json", { metadata: { name: "other" } }, 400],
    ["merge-patch+json", { metadata: { resourceVersion: "1" } }, 409],
    ["merge-patch+json", { metadata: 5 }, 422],
    ["strategic-merge-patch+json", { $patch: "fly" }, 400],
    ["strategic-merge-patch+json", { data: { $retainKeys: 5 } }, 400],
    ["strategic-merge-patch+json", { metadata: { "$setElementOrder/finalizers": 5 } }, 400],
    ["strategic-merge-patch+json", { metadata: { ownerReferences: [5] } }, 422],
    ["x", {}, 415],
  ])("%s %# is refused with a Status", async (type, body, code) => {
    const answer = await patch(type, body);
    expect([answer.status, answer.body.kind, answer.body.code]).toEqual([code, "Status", code]);
  });

  it("names of members that mean something to JavaScript are names like others", async () => {
    const data = '{"data":{"__proto__":"a","toString":"b","hasOwnProperty":"c"}}';
    const merged = await patch("merge-patch+json", data);
    expect([merged.status, merged.text]).toEqual([200, expect.stringContaining('"__proto__":"a"')]);
    const applied = await patch("strategic-merge-patch+json", '{"data":{"__proto__":null}}');
    expect([applied.status, applied.text]).toEqual([200, expect.not.stringContaining('__proto__":"a')]);
  });
});

describe("paths and options", () => {
  it.each([
    ["GET", "/%", 404],
    ["GET", `${path}/%zz`, 404],
    ["GET", "/api/v1/namespaces/bad/nothing", 404],
    ["GET", "/apis/no.such.group/v1/things", 404],
    ["GET", `${path}/${"a".repeat(5000)}`, 404],
    ["GET", `${path}?labelSelector=${encodeURIComponent("a in (")}`, 400],
    ["GET", `${path}?resourceVersion=18446744073709551616`, 400],
    ["GET", `${path}?timeout=soon`, 400],
    ["POST", `${path}/victim`, 405],
    ["PUT", path, 405],
    ["DELETE", "/api/v1/configmaps", 405],
    ["OPTIONS", path, 405],
    ["POST", `${path}?dryRun=Some`, 422],
    ["POST", `${path}?fieldValidation=Some`, 422],
    ["POST", `${path}?fieldManager=${"x".repeat(129)}`, 422],
    ["DELETE", `${path}/victim?propagationPolicy=Some`, 422],
    ["DELETE", `${path}/victim?gracePeriodSeconds=soon`, 400],
  ])("%s %s is %d", async (method, target, code) => {
    const body = method === "POST" ? { metadata: { name: "x" } } : undefined;
    expect((await plane.call(method, target, { body })).status).toBe(code);
  });

  it.each([
    ["a list", path, "text/html"],
    ["a watch", `${path}?watch=true`, "application/yaml"],
  ])("%s is answered only in what can be made", async (_what, target, accept) => {
    const { status, text } = await plane.call("GET", target, { headers: { accept } });
    expect([status, text]).toEqual([406, expect.stringContaining("NotAcceptable")]);
  });

  it.each([
    ["/apis", "application/cbor"],
    ["/api/v1/namespaces", "application/cbor"],
    ["/openapi/v3/api/v1", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"],
    ["/apis", "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"],
    ["/apis/metrics.k8s.io/v1beta1/nodes", "application/vnd.kubernetes.protobuf"],
    ["/statusz", "application/json"],
  ])("%s is not made as %s alone", async (at, accept) => {
    const { status, text } = await plane.call("GET", at, { headers: { accept } });
    expect([status, text]).toEqual([406, expect.stringContaining("NotAcceptable")]);
  });
});

it("an eviction that a budget refuses does not ask to come again: Go's clients would, ten times", async () => {
  const labels = { app: "kept" };
  const pods = "/api/v1/namespaces/bad/pods";
  const budgets = "/apis/policy/v1/namespaces/bad/poddisruptionbudgets";
  const merge = { "content-type": "application/merge-patch+json" };
  await plane.must(["-n", "bad", "create", "serviceaccount", "default"]);
  const spec = { containers: [{ name: "c", image: "i" }] };
  expect((await plane.call("POST", pods, { body: { metadata: { name: "kept", labels }, spec } })).status).toBe(201);
  await plane.call("PATCH", `${pods}/kept/status`, { body: { status: { phase: "Running" } }, headers: merge });
  await plane.call("POST", budgets, {
    body: { metadata: { name: "b" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
  });
  const counts = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
  };
  await plane.call("PATCH", `${budgets}/b/status`, { body: { status: counts }, headers: merge });
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "kept" } };
  const { status, headers, text } = await plane.call("POST", `${pods}/kept/eviction`, { body });
  expect([status, headers["retry-after"], text]).toEqual([429, undefined, expect.stringContaining("DisruptionBudget")]);
});

it("OpenAPI of version 3 is made as protobuf for whoever asks so", async () => {
  const name = "application/com.github.proto-openapi.spec.v3";
  const accept = `${name}@v1.0+protobuf`;
  for (const at of ["/openapi/v3/apis/apps/v1", "/openapi/v3/apis/apps"]) {
    const { status, headers, text } = await plane.call("GET", at, { headers: { accept } });
    expect([status, headers["content-type"], text]).toEqual([
      200,
      `${name}.v1.0+protobuf`,
      expect.stringContaining("io.k8s.apimachinery.pkg.apis.meta.v1.API"),
    ]);
  }
});

describe("connections", () => {
  const open = (): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ ...plane.tls, host: "127.0.0.1", port: plane.servers[0]?.port ?? 0 }, () =>
        resolve(socket),
      );
      socket.on("error", reject);
    });

  it("clients that go in the middle of a request, or never finish one, leave the server as it was", async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, open));
    for (const [index, socket] of sockets.entries()) {
      socket.on("error", () => undefined);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"meta`,
      );
      if (index % 2 === 0) socket.destroy();
    }
    expect((await plane.call("GET", `${path}/victim`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it("a watcher that does not read is ended and holds up nobody", async () => {
    const slow = await open();
    slow.on("error", () => undefined);
    slow.write(`GET ${path}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => slow.once("data", resolve));
    slow.pause();
    const gone = new Promise((resolve) => slow.once("close", resolve));
    const quick = await watch(plane, `${path}?fieldSelector=metadata.name%3Dlarge-29`);
    for (let index = 0; index < 30; index += 1)
      await post({ metadata: { name: `large-${index}` }, data: { k: "x".repeat(900_000) } });
    await quick.until((events) => events.length === 1);
    quick.stop();
    slow.resume();
    await gone;
  });

  it("nothing of all this was unexpected", async () => {
    const { text } = await plane.call("GET", "/metrics");
    expect(text.match(/^apiserver_request_aborts_total\{.*\} [1-9].*$/gm)).toBeNull();
  });
});
