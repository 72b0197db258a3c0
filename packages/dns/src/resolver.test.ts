// The daemon's sockets and resolver, asked by Node's own resolver and by hand, with a name server of the test's own upstream.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { Resolver } from "node:dns/promises";
import fc from "fast-check";
import packet from "dns-packet";
import { systemClock } from "@coxswain/clock";
import { createSeededRandom } from "@coxswain/clock/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import type { Component, Logger } from "@coxswain/daemon";
import type { Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { Upstream } from "./io/upstream.ts";
import { createDnsServer } from "./io/server.ts";
import type { Handler } from "./io/server.ts";
import { dnsMetrics } from "./metrics.ts";
import { createResolver } from "./resolver.ts";

const address = "127.53.0.10";
const port = 15_353;
const many = Array.from({ length: 100 }, (_, n) => `10.244.3.${n + 1}`);
const service = (name: string, spec: NonNullable<Service["spec"]>): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name },
  spec,
});
const known: Service[] = [
  service("web", { clusterIP: "10.96.0.5" }),
  service("many", { clusterIP: "None" }),
  service("ext", { type: "ExternalName", externalName: "example.org" }),
  service("loop", { type: "ExternalName", externalName: "loop.shop.svc.cluster.local" }),
];
const slice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { namespace: "shop", name: "many-x" },
  addressType: "IPv4",
  endpoints: many.map((ip) => ({ addresses: [ip] })),
};

const aborter = new AbortController();
const state = { known: true };
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};
let server: Component;
let handle: Handler;

/** Knows example.org and nothing else; cannot be asked about example.net. */
const upstream: Upstream = {
  async ask({ id, question: { name } }) {
    if (name !== "example.org") return undefined;
    return packet.encode({
      type: "response",
      id,
      questions: [{ type: "A", name }],
      answers: [{ type: "A", name, ttl: 60, data: "192.0.2.1" }],
    });
  },
  async lookUp(name) {
    if (name === "example.net") return undefined;
    return name === "example.org"
      ? { exists: true, records: [{ type: "A", name, data: "192.0.2.1" }] }
      : { exists: false, records: [] };
  },
  isOwnQuestion: (name) => name === "came.back",
};

beforeAll(async () => {
  handle = createResolver(
    { domain: "cluster.local", ownsAddress: () => false, serverAddress: address, answersSearchList: true },
    {
      clock: systemClock,
      random: createSeededRandom(1),
      metrics: createMetricsRegistry("dns").create(dnsMetrics),
      upstream,
      view: {
        hasNamespace: (name) => name === "shop",
        service: (_namespace, name) => known.find(({ metadata }) => metadata.name === name),
        slicesOf: (_namespace, name) => (name === "many" ? [slice] : []),
        servicesAt: () => [],
        slicesAt: () => [],
      },
      known: () => state.known,
    },
    aborter.signal,
  );
  server = createDnsServer({ address, port }, { clock: systemClock, log: silent, handle });
  await server.start(aborter.signal);
});

afterAll(() => server.stop());

function resolver(): Resolver {
  const made = new Resolver({ timeout: 2_000, tries: 1 });
  made.setServers([`${address}:${port}`]);
  return made;
}

function send(message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.once("message", (answer) => {
      socket.close();
      resolve(answer);
    });
    socket.send(message, port, address);
  });
}

const codeOf = (answer: Buffer): number => answer.readUInt8(3) & 0x0f;
const question = (name: string, additionals: packet.Packet["additionals"] = []): Buffer =>
  packet.encode({
    type: "query",
    id: 77,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: "A", name }],
    additionals,
  });

const opt = (udpPayloadSize: number): packet.Answer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
});

describe("the DNS daemon", () => {
  it("answers a service's name with its address", async () => {
    expect(await resolver().resolve4("web.shop.svc.cluster.local", { ttl: true })).toEqual([
      { address: "10.96.0.5", ttl: 5 },
    ]);
  });

  it("repeats the question letter by letter and marks the answer authoritative", async () => {
    const { id, flag_aa, questions, answers } = packet.decode(await send(question("WeB.shop.SVC.cluster.local")));
    expect({ id, flag_aa, question: questions?.[0]?.name, answers: answers?.map((record) => record.name) }).toEqual({
      id: 77,
      flag_aa: true,
      question: "WeB.shop.SVC.cluster.local",
      answers: ["WeB.shop.SVC.cluster.local"],
    });
  });

  it("tells names that do not exist from names without such data, both with the zone's SOA", async () => {
    await expect(resolver().resolve4("none.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver().resolve6("web.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ENODATA" });
    const { authorities } = packet.decode(await send(question("none.shop.svc.cluster.local")));
    expect(authorities?.map(({ type, name }) => `${name} ${type}`)).toEqual(["cluster.local SOA"]);
  });

  it("truncates what does not fit and gives the whole by TCP", async () => {
    expect(packet.decode(await send(question("many.shop.svc.cluster.local"))).flag_tc).toBe(true);
    expect((await resolver().resolve4("many.shop.svc.cluster.local")).sort()).toEqual(many.toSorted());
  });

  it("points back to names that stand in the message already", async () => {
    const { length } = await send(question("web.shop.svc.cluster.local"));
    // Header, question, and a record of which the name takes two bytes.
    expect(length).toBe(12 + (28 + 4) + (2 + 10 + 4));
  });

  it("gives as many records as an asker takes, and says so", async () => {
    const counts = [];
    for (const size of [512, 800, 1232, 65_000]) {
      const { flag_tc, answers } = packet.decode(await send(question("many.shop.svc.cluster.local", [opt(size)])));
      counts.push([size, flag_tc, answers?.length]);
    }
    expect(counts).toEqual([
      [512, true, 28],
      [800, true, 46],
      [1232, true, 73],
      [65_000, true, 73],
    ]);
  });

  it("never fails for a message, whatever its bytes, and never sends more than was asked for", async () => {
    const whole = question("web.shop.svc.cluster.local", [opt(4096)]);
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(whole.length), async (bytes, end) => {
        const message = Buffer.from(whole);
        for (const [at, value] of bytes) message[at] = value;
        const answer = await handle(message.subarray(0, end), "udp", "1");
        if (answer) {
          expect(answer.length).toBeLessThanOrEqual(1232);
          packet.decode(answer);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("ends a search for a name in the first answer", async () => {
    const { answers } = packet.decode(await send(question("example.org.shop.svc.cluster.local")));
    expect(answers?.map((record) => [record.name, record.type, "data" in record && record.data])).toEqual([
      ["example.org.shop.svc.cluster.local", "CNAME", "example.org"],
      ["example.org", "A", "192.0.2.1"],
    ]);
    const other = packet.decode(await send(question("web.shop.shop.svc.cluster.local")));
    expect(other.answers?.map((record) => "data" in record && record.data)).toEqual([
      "web.shop.svc.cluster.local",
      "10.96.0.5",
    ]);
    expect(codeOf(await send(question("example.com.shop.svc.cluster.local")))).toBe(3);
    expect(codeOf(await send(question("example.net.shop.svc.cluster.local")))).toBe(2);
  });

  it("refuses a question of its own that came back", async () => {
    expect(codeOf(await send(question("came.back")))).toBe(5);
  });

  it("speaks EDNS with those who do", async () => {
    const { additionals } = packet.decode(await send(question("web.shop.svc.cluster.local", [opt(4096)])));
    expect(additionals?.map(({ type }) => type)).toEqual(["OPT"]);
  });

  it("follows an ExternalName out of the cluster, and no loop", async () => {
    expect(await resolver().resolve4("ext.shop.svc.cluster.local")).toEqual(["192.0.2.1"]);
    const { answers } = packet.decode(await send(question("loop.shop.svc.cluster.local")));
    expect(answers?.every(({ type }) => type === "CNAME")).toBe(true);
  });

  it("forwards everything else, and fails when nobody answers", async () => {
    expect(await resolver().resolve4("example.org")).toEqual(["192.0.2.1"]);
    await expect(resolver().resolve4("example.net")).rejects.toMatchObject({ code: "ESERVFAIL" });
  });

  it("fails rather than denies as long as it knows nothing of the cluster", async () => {
    state.known = false;
    await expect(resolver().resolve4("web.shop.svc.cluster.local")).rejects.toMatchObject({ code: "ESERVFAIL" });
    state.known = true;
  });

  it("answers malformed messages with FORMERR, other operations with NOTIMP, and survives noise", async () => {
    const broken = Buffer.concat([question("web").subarray(0, 12), Buffer.from([0xff, 0xff, 0xff])]);
    expect(codeOf(await send(broken))).toBe(1);
    const update = question("web.shop.svc.cluster.local");
    update.writeUInt8(5 << 3, 2);
    expect(codeOf(await send(update))).toBe(4);
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) =>
      socket.send(Buffer.alloc(3), port, address, (error) => (error ? reject(error) : resolve())),
    );
    socket.close();
    const half = createConnection({ host: address, port });
    await new Promise<void>((resolve) =>
      half.once("connect", () => half.write(Buffer.from([0xff, 0xff, 1]), () => resolve())),
    );
    half.destroy();
    expect(await resolver().resolve4("web.shop.svc.cluster.local")).toEqual(["10.96.0.5"]);
  });
});
