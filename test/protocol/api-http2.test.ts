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

  it("lets a flow that asks for too much wait, refuses what is too much even for that, and serves all others", async () => {
    const flows = "/apis/flowcontrol.apiserver.k8s.io/v1";
    const rbac = "rbac.authorization.k8s.io";
    const create = async (target: string, body: object): Promise<string> =>
      (await plane.call("POST", target, { body: { metadata: { name: "narrow" }, ...body } })).body.metadata.uid;
    const limitResponse = { type: "Queue", queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } };
    const limited = { nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse };
    const level = await create(`${flows}/prioritylevelconfigurations`, { spec: { type: "Limited", limited } });
    const subjects = [{ kind: "User", user: { name: "crowd" } }];
    const resourceRules = [{ verbs: ["*"], apiGroups: ["*"], resources: ["configmaps"], namespaces: ["*"] }];
    const priorityLevelConfiguration = { name: "narrow" };
    const rules = [{ subjects, resourceRules }];
    await create(`${flows}/flowschemas`, { spec: { matchingPrecedence: 500, priorityLevelConfiguration, rules } });
    await create(`/apis/${rbac}/v1/clusterrolebindings`, {
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ apiGroup: rbac, kind: "User", name: "crowd" }],
    });
    const session = open();
    const one = { ":path": `${path}/large-0`, "impersonate-user": "crowd" };
    for (let known: unknown; known !== level;) {
      const { status, headers } = await answerTo(session, one);
      known = status === 200 && headers["x-kubernetes-pf-prioritylevel-uid"];
    }
    const metric = async (name: string): Promise<string | undefined> =>
      (await plane.call("GET", "/metrics")).text
        .split("\n")
        .find((line) => line.startsWith(name))
        ?.split(" ")[1];
    const seats = Number(await metric('apiserver_flowcontrol_nominal_limit_seats{priority_level="narrow"}'));
    expect(seats).toBe(3);

    // Each keeps its seat until its body has come.
    const enough = Promise.withResolvers<void>();
    const refused = new Map<ClientHttp2Stream, IncomingHttpHeaders>();
    const post = { ":method": "POST", ":path": path, "content-type": "application/json", "impersonate-user": "crowd" };
    const posts = Array.from({ length: seats + 3 }, () => session.request(post));
    for (const stream of posts)
      stream.on("error", enough.reject).once("response", (headers) => {
        refused.set(stream, headers);
        if (refused.size === 2) enough.resolve();
      });
    await enough.promise;
    expect([...refused.values()]).toMatchObject(
      [1, 2].map(() => ({ ":status": 429, "retry-after": "1", "x-kubernetes-pf-prioritylevel-uid": level })),
    );
    expect((await get(session, `${path}/large-0`)).status).toBe(200);
    const others = posts.filter((stream) => !refused.has(stream));
    const answers = others.map(
      (stream) => new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"]))),
    );
    for (const [index, stream] of others.entries()) stream.end(`{"metadata":{"name":"late-${index}"}}`);
    expect(await Promise.all(answers)).toEqual([201, 201, 201, 201]);
    const labels = '{priority_level="narrow",flow_schema="narrow",reason="queue-full"}';
    expect(await metric(`apiserver_flowcontrol_rejected_requests_total${labels}`)).toBe("2");
    session.destroy();
  });
});
