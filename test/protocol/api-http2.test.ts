// One connection with many streams, as Go's clients hold it: thousands of watches begun and given up leave it open, a small window
// holds up its own stream alone, and HTTP/1.1 is served beside it.
import { connect } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

const path = "/api/v1/namespaces/streams/configmaps";
let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  await plane.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "streams" } } });
  for (let index = 0; index < 10; index += 1)
    await plane.call("POST", path, {
      body: { metadata: { name: `large-${index}` }, data: { k: "x".repeat(500_000) } },
    });
});
afterAll(() => plane?.[Symbol.asyncDispose]());

const open = (settings = {}): ClientHttp2Session =>
  connect(`https://127.0.0.1:${plane.servers[0]?.port}`, { ...plane.tls, settings });
const get = (session: ClientHttp2Session, target: string): Promise<{ status: number; bytes: number }> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ":path": target, "user-agent": "test" });
    let [status, bytes] = [0, 0];
    stream.on("response", (headers) => (status = headers[":status"] ?? 0));
    stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
    stream.on("error", reject);
    stream.on("end", () => resolve({ status, bytes }));
  });
const answerTo = (
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ "user-agent": "test", ...headers });
    let answered: IncomingHttpHeaders = {};
    let text = "";
    stream.on("response", (given) => (answered = given));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    stream.on("error", reject);
    stream.on("end", () => resolve({ status: Number(answered[":status"]), headers: answered, text }));
    stream.end(body);
  });
const begun = (stream: ClientHttp2Stream): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.once("response", () => resolve());
    stream.once("error", reject);
  });

describe("HTTP/2", () => {
  it("a connection outlives five thousand watches that are begun and given up", async () => {
    const session = open();
    const failed = new Promise<never>((_resolve, reject) => {
      session.on("error", reject);
      session.on("goaway", (code) => reject(new Error(`GOAWAY ${code}`)));
    });
    for (let round = 0; round < 10; round += 1) {
      const streams = Array.from({ length: 500 }, () =>
        session.request({ ":path": `${path}?watch=true&fieldSelector=metadata.name%3Dnone` }),
      );
      for (const stream of streams) stream.on("error", () => undefined);
      await Promise.race([Promise.all(streams.map(begun)), failed]);
      for (const stream of streams) stream.close(8);
    }
    expect((await get(session, `${path}/large-0`)).status).toBe(200);
    session.destroy();
  });

  it("a stream that is not read holds up no other on its connection", async () => {
    const session = open({ initialWindowSize: 65_535 });
    const stuck = session.request({ ":path": path });
    await begun(stuck);
    stuck.pause();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        get(session, `${path}?limit=1&resourceVersion=0&fieldSelector=metadata.name%3Dnone`),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    stuck.close(8);
    session.destroy();
  });

  it("large answers arrive whole through small windows", async () => {
    const session = open({ initialWindowSize: 16_384 });
    const { status, bytes } = await get(session, path);
    const { text } = await plane.call("GET", path);
    expect([status, bytes]).toEqual([200, Buffer.byteLength(text)]);
    session.destroy();
  });

  it("answers a HEAD without a body, and takes headers that come more than once apart", async () => {
    const session = open();
    expect(await answerTo(session, { ":method": "HEAD", ":path": `${path}/large-0` })).toMatchObject({
      status: 200,
      text: "",
    });
    const { status, text } = await answerTo(session, {
      ":path": `${path}/large-0`,
      "impersonate-user": "jane",
      "impersonate-group": ["first, second", "system:authenticated"],
    });
    expect(status).toBe(403);
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const reviewed = await answerTo(
      session,
      {
        ":method": "POST",
        ":path": "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "content-type": "application/json",
        "impersonate-user": "jane",
        "impersonate-group": ["first, second", "system:authenticated"],
      },
      JSON.stringify(review),
    );
    expect(text).toContain('User \\"jane\\" cannot get resource');
    expect(JSON.parse(reviewed.text)).toMatchObject({
      status: { userInfo: { username: "jane", groups: ["first, second", "system:authenticated"] } },
    });
    session.destroy();
  });

  it("says by which flow schema and priority level a request goes", async () => {
    const session = open();
    const { headers } = await answerTo(session, { ":path": "/api/v1/namespaces/default" });
    const uid = async (resource: string): Promise<unknown> => {
      const group = "/apis/flowcontrol.apiserver.k8s.io/v1";
      return (await plane.call("GET", `${group}/${resource}/exempt`)).body.metadata.uid;
    };
    expect([headers["x-kubernetes-pf-flowschema-uid"], headers["x-kubernetes-pf-prioritylevel-uid"]]).toEqual([
      await uid("flowschemas"),
      await uid("prioritylevelconfigurations"),
    ]);
    session.destroy();
  });
});
