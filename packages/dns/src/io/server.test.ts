// The sockets with everything that a peer may do to them; what is answered is a test's own.
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { freePort } from "@coxswain/daemon/testing";
import { createDnsServer } from "./server.ts";
import type { Handler } from "./server.ts";

const address = "127.53.0.78";
const mostConnections = 256;
let port: number;
let handle: Handler;
let server: ReturnType<typeof createDnsServer>;
const sockets: Socket[] = [];
const told: string[] = [];
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_fields, message) => void told.push(message),
  child: () => log,
};

beforeEach(async () => {
  port = await freePort();
  handle = (message) => Buffer.concat([Buffer.from("about "), message]);
  server = createDnsServer({ address, port }, { clock: systemClock, log, handle: (...words) => handle(...words) });
  await server.start(new AbortController().signal);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop();
});

async function open(): Promise<Socket> {
  const socket = connect(port, address);
  sockets.push(socket);
  // What matters is that it ends, not how.
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

const frame = (text: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};

/** So many answers of a connection; undefined when it ends before. */
async function answers(socket: Socket, count: number): Promise<readonly string[] | undefined> {
  let received = Buffer.alloc(0);
  const texts: string[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      texts.push(received.toString("utf8", 2, end));
      received = received.subarray(end);
    }
    if (texts.length >= count) return texts;
  }
  return undefined;
}

describe("a question by TCP", () => {
  it("may come in pieces, and together with others", async () => {
    const socket = await open();
    for (const byte of frame("one")) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    expect(await answers(socket, 1)).toEqual(["about one"]);
    socket.write(Buffer.concat([frame("two"), frame(""), frame("three"), Buffer.from([0])]));
    expect(await answers(socket, 3)).toEqual(["about two", "about ", "about three"]);
  });

  it("is answered when the answer is there, also when another client has gone meanwhile", async () => {
    const late = Promise.withResolvers<Buffer>();
    handle = () => late.promise;
    const [waiting, gone] = [await open(), await open()];
    gone.write(frame("one"));
    waiting.write(frame("two"));
    gone.destroy();
    await expect.poll(() => gone.closed).toBe(true);
    late.resolve(Buffer.from("late"));
    expect(await answers(waiting, 1)).toEqual(["late"]);
  });

  it("that cannot be answered leaves the others their answers", async () => {
    handle = (message) => {
      if (String(message) === "bad") throw new Error("no");
      return String(message) === "worse" ? Promise.reject(new Error("no")) : message;
    };
    const socket = await open();
    socket.write(Buffer.concat([frame("bad"), frame("worse"), frame("good")]));
    expect(await answers(socket, 1)).toEqual(["good"]);
    expect(told).toEqual(Array(2).fill("a question could not be answered"));
  });

  it("has room as long as there are not too many connections", async () => {
    const all = await Promise.all(Array.from({ length: mostConnections }, open));
    for (const socket of all) socket.write(frame("one"));
    await Promise.all(all.map((socket) => answers(socket, 1)));
    const beyond = await open();
    beyond.write(frame("one"));
    expect(await answers(beyond, 1)).toBeUndefined();
    all[0]?.destroy();
    await expect
      .poll(
        async () => {
          const next = await open();
          next.write(frame("one"));
          return await answers(next, 1);
        },
        { timeout: 20_000 },
      )
      .toEqual(["about one"]);
  });

  it("is the last one of a client that reads no answers", async () => {
    handle = () => Buffer.alloc(60_000);
    const socket = await open();
    socket.pause();
    const ended = new Promise((resolve) => socket.once("close", resolve));
    const ask = (): void => {
      if (socket.destroyed) return;
      socket.write(frame("more"));
      setImmediate(ask);
    };
    ask();
    await ended;
    expect(await answersOf("still there?")).toHaveLength(60_000);
  });
});

async function answersOf(text: string): Promise<string> {
  const socket = await open();
  socket.write(frame(text));
  return (await answers(socket, 1))?.[0] ?? "";
}
