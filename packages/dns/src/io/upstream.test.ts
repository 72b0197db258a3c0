// Forwarding to real name servers of the test's own on loopback addresses: what is kept, who is asked, and what happens when
// they are silent, cut answers short, change or lead back to the asker.
import { afterEach, describe, expect, it } from "vitest";
import { createSocket } from "node:dgram";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packet from "dns-packet";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { systemClock } from "@coxswain/clock";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { parseQuery } from "./query.ts";
import type { Query } from "./query.ts";
import { createServers, plainQuestion } from "./servers.ts";
import { createUpstream } from "./upstream.ts";
import type { Upstream } from "./upstream.ts";

const port = 15_453;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Behaviour = (name: string, transport: "udp" | "tcp") => readonly string[] | "silent" | "nothing" | "cut";

/** Answers as it is told, and writes down what it was asked, without the asker's own questions about health and loops. */
async function nameServer(address: string, behaviour: { now: Behaviour }): Promise<string[]> {
  const asked: string[] = [];
  const respond = (message: Buffer, transport: "udp" | "tcp"): Buffer | undefined => {
    const { id, questions } = packet.decode(message);
    const [question] = questions ?? [];
    if (!question) return undefined;
    const isOwn = question.type === "NS" || question.type === "HINFO";
    if (!isOwn) asked.push(`${transport} ${question.name}`);
    const outcome = behaviour.now(question.name, transport);
    if (outcome === "silent") return undefined;
    const soa = { mname: "n", rname: "r", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };
    const answers = Array.isArray(outcome) ? outcome : [];
    return packet.encode({
      type: "response",
      id: id ?? 0,
      flags:
        packet.RECURSION_AVAILABLE | (outcome === "cut" ? packet.TRUNCATED_RESPONSE : outcome === "nothing" ? 3 : 0),
      questions: [question],
      answers: answers.map((data: string) => ({ type: "A", name: question.name, ttl: 300, data })),
      authorities: outcome === "nothing" ? [{ type: "SOA", name: "example", ttl: 60, data: soa }] : [],
    });
  };
  const udp = createSocket("udp4");
  udp.on("message", (message, peer) => {
    const answer = respond(message, "udp");
    if (answer) udp.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, address, resolve));
  const tcp = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      const answer = respond(chunk.subarray(2), "tcp");
      if (!answer) return;
      const length = Buffer.from([answer.length >> 8, answer.length & 0xff]);
      socket.end(Buffer.concat([length, answer]));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(port, address, resolve));
  closers.push(
    () => new Promise<void>((resolve) => udp.close(resolve)),
    () => new Promise<void>((resolve) => tcp.close(() => resolve())),
  );
  return asked;
}

const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

interface Rig {
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  readonly cached: string[];
  nameServers(...addresses: string[]): Promise<void>;
}

async function rig(clock: Clock, ...addresses: string[]): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), "dns-upstream-"));
  const resolvConf = join(directory, "resolv.conf");
  const ended = new AbortController();
  const random = createSeededRandom(7);
  const cached: string[] = [];
  const nameServers = (...wanted: string[]): Promise<void> =>
    writeFile(resolvConf, wanted.map((address) => `nameserver ${address}\n`).join(""));
  await nameServers(...addresses);
  closers.push(async () => {
    ended.abort();
    await rm(directory, { recursive: true });
  });
  const servers = createServers(
    { resolvConf, own: ["127.54.0.99"], port },
    { clock, random, log: silentLog, onHealthFailure: () => undefined },
  );
  return {
    upstream: createUpstream({
      clock,
      random,
      servers,
      onCache: (outcome) => cached.push(outcome),
      onAnswer: () => undefined,
      onReject: () => undefined,
    }),
    signal: ended.signal,
    cached,
    nameServers,
  };
}

function query(name: string, id = 5): Query {
  const parsed = parseQuery(plainQuestion(name, 1, id));
  if (parsed.kind !== "query") throw new Error("not a question");
  return parsed.query;
}

const told = (answer: Buffer | undefined): unknown =>
  answer &&
  packet.decode(answer).answers?.map((record) => ("ttl" in record ? [record.name, record.ttl, record.data] : []));

describe("upstream", () => {
  it("keeps an answer, ages it, and repeats each asker's id and spelling", async () => {
    const asked = await nameServer("127.54.0.1", { now: () => ["192.0.2.1"] });
    const clock = createSimulatedClock();
    const { upstream, signal, cached } = await rig(clock, "127.54.0.1");
    expect(told(await upstream.ask(query("a.example"), "udp", signal))).toEqual([["a.example", 300, "192.0.2.1"]]);
    await clock.advance(10_000);
    const again = await upstream.ask(query("A.eXample", 77), "udp", signal);
    expect(told(again)).toEqual([["a.example", 290, "192.0.2.1"]]);
    expect(again && packet.decode(again).questions?.[0]?.name).toBe("A.eXample");
    expect(again?.readUInt16BE(0)).toBe(77);
    await clock.advance(21_000);
    await upstream.ask(query("a.example"), "udp", signal);
    expect({ asked, cached }).toEqual({
      asked: ["udp a.example", "udp a.example"],
      cached: ["miss", "success", "miss"],
    });
  });

  it("keeps for a short while that a name does not exist", async () => {
    const asked = await nameServer("127.54.0.1", { now: () => "nothing" });
    const clock = createSimulatedClock();
    const { upstream, signal, cached } = await rig(clock, "127.54.0.1");
    const codes = [];
    for (const wait of [0, 4_000, 2_000]) {
      await clock.advance(wait);
      codes.push((await upstream.ask(query("none.example"), "udp", signal))?.readUInt8(3));
    }
    expect({ codes, asked: asked.length, cached }).toEqual({
      codes: [0x83, 0x83, 0x83],
      asked: 2,
      cached: ["miss", "denial", "miss"],
    });
  });

  it("asks by TCP what was cut short, and gives each asker what it takes", async () => {
    const many = Array.from({ length: 60 }, (_, n) => `192.0.2.${n}`);
    const asked = await nameServer("127.54.0.1", { now: (_name, transport) => (transport === "udp" ? "cut" : many) });
    const { upstream, signal } = await rig(systemClock, "127.54.0.1");
    const short = await upstream.ask(query("big.example"), "udp", signal);
    const whole = await upstream.ask(query("big.example"), "tcp", signal);
    expect({ cut: short && packet.decode(short).flag_tc, length: short?.length, asked }).toEqual({
      cut: true,
      length: 12 + 13 + 4,
      asked: ["udp big.example", "tcp big.example"],
    });
    expect(whole && packet.decode(whole).answers?.length).toBe(60);
  });

  it("asks the next server when one is silent, passes that over, and comes back to it", async () => {
    const first: { now: Behaviour } = { now: () => "silent" };
    const askedFirst = await nameServer("127.54.0.1", first);
    await nameServer("127.54.0.2", { now: () => ["192.0.2.2"] });
    const { upstream, signal } = await rig(systemClock, "127.54.0.1", "127.54.0.2");
    for (const name of ["a.example", "b.example", "c.example"])
      expect(told(await upstream.ask(query(name), "udp", signal))).toEqual([[name, 300, "192.0.2.2"]]);
    expect(askedFirst).toEqual(["udp a.example", "udp b.example"]);
    first.now = () => ["192.0.2.1"];
    let count = 0;
    await expect
      .poll(async () => told(await upstream.ask(query(`d${count++}.example`), "udp", signal)), { timeout: 20_000 })
      .toEqual([[expect.any(String), 300, "192.0.2.1"]]);
  }, 40_000);

  it("follows the resolver's file, and never asks itself", async () => {
    await nameServer("127.54.0.1", { now: () => ["192.0.2.1"] });
    await nameServer("127.54.0.2", { now: () => ["192.0.2.2"] });
    const clock = createSimulatedClock();
    const { upstream, signal, nameServers } = await rig(clock, "127.54.0.99");
    expect(await upstream.ask(query("a.example"), "udp", signal)).toBeUndefined();
    await nameServers("127.54.0.2");
    await clock.advance(5_000);
    expect(told(await upstream.ask(query("a.example"), "udp", signal))).toEqual([["a.example", 300, "192.0.2.2"]]);
    await nameServers("127.54.0.1", "127.54.0.2");
    await clock.advance(5_000);
    expect(told(await upstream.ask(query("b.example"), "udp", signal))).toEqual([["b.example", 300, "192.0.2.1"]]);
  });

  it("gives up a server that leads questions back here", async () => {
    const arrived = Promise.withResolvers<void>();
    const { upstream, signal } = await rig(systemClock, "127.54.0.3", "127.54.0.2");
    await nameServer("127.54.0.3", {
      now: (name) => {
        // What a server does that forwards to us.
        if (upstream.isOwnQuestion(name)) arrived.resolve();
        return ["192.0.2.3"];
      },
    });
    await nameServer("127.54.0.2", { now: () => ["192.0.2.2"] });
    await upstream.ask(query("a.example"), "udp", signal);
    await arrived.promise;
    expect(told(await upstream.ask(query("b.example"), "udp", signal))).toEqual([["b.example", 300, "192.0.2.2"]]);
  });

  it("looks up what an alias leads to", async () => {
    await nameServer("127.54.0.1", { now: (name) => (name === "there.example" ? ["192.0.2.1"] : "nothing") });
    const { upstream, signal } = await rig(systemClock, "127.54.0.1");
    expect(await upstream.lookUp("there.example", "A", signal)).toEqual({
      exists: true,
      records: [{ type: "A", name: "there.example", data: "192.0.2.1" }],
    });
    expect(await upstream.lookUp("none.example", "A", signal)).toEqual({ exists: false, records: [] });
  });
});
