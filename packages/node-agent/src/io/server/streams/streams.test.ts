import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { afterEach, describe, expect, test } from "vitest";
import { createWebSocketStream, WebSocket } from "ws";
import { acceptCommand, wantedStreams } from "./command.ts";
import { servePortForward } from "./port-forward.ts";
import type { CommandSession } from "./session.ts";
import { dataFrame, FrameReader, synStreamFrame } from "./spdy/frames.ts";
import { HeaderCodec } from "./spdy/headers.ts";

const clock = createSimulatedClock();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A server that gives every upgrade to `take`. */
async function listen(
  take: (request: import("node:http").IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<number> {
  const server: Server = createServer();
  server.on("upgrade", take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** "cat": what comes in goes out in capitals, a word about it on stderr, exit code 3. */
async function shout(session: CommandSession | undefined): Promise<void> {
  if (session === undefined) return;
  for await (const chunk of session.stdin ?? []) session.stdout?.write(String(chunk).toUpperCase());
  session.stderr?.write("done");
  await session.exit({ kind: "exited", code: 3 });
}

const exitStatus = {
  metadata: {},
  status: "Failure",
  message: "command terminated with non-zero exit code: exit status 3",
  reason: "NonZeroExitCode",
  details: { causes: [{ reason: "ExitCode", message: "3" }] },
};

/** A SPDY client as small as can be, for the tests' own side of the wire. */
function spdyClient(wire: Duplex): {
  open(id: number, headers: Record<string, string>): Promise<void>;
  send(id: number, bytes: string, fin: boolean): void;
  received: Map<number, string>;
  closed: Promise<void>;
} {
  const codec = new HeaderCodec();
  const reader = new FrameReader();
  const received = new Map<number, string>();
  wire.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      if (frame.type === "data")
        received.set(
          frame.stream,
          (received.get(frame.stream) ?? "") + frame.bytes.toString() + (frame.fin ? "<fin>" : ""),
        );
    }
  });
  const closed = new Promise<void>((resolve) => wire.on("close", () => resolve()));
  wire.on("end", () => wire.end());
  return {
    received,
    closed,
    open: async (id, headers) =>
      void wire.write(synStreamFrame(id, await codec.encode(new Map(Object.entries(headers))))),
    send: (id, bytes, fin) => void wire.write(dataFrame(id, Buffer.from(bytes), fin)),
  };
}

async function spdyUpgrade(port: number, path: string, version: string): Promise<{ socket: Socket; answer: string }> {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
  );
  const answer = await new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(chunk.toString())));
  return { socket, answer };
}

describe("exec over WebSocket", () => {
  test("carries input, both outputs and the exit code on their channels; closing channel 0 ends the input", async () => {
    const port = await listen((request, socket, head) => {
      const wanted = wantedStreams(new URL(request.url ?? "", "http://x").searchParams);
      void acceptCommand(request, socket, head, wanted, clock).then(shout);
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/exec?stdin=1&stdout=1&stderr=1`, ["v5.channel.k8s.io"]);
    const channels: Record<number, string> = {};
    client.on(
      "message",
      (data: Buffer) => (channels[data[0] ?? -1] = (channels[data[0] ?? -1] ?? "") + data.subarray(1).toString()),
    );
    client.on("open", () => {
      client.send(Buffer.from("\0hello "));
      client.send(Buffer.from("\0world"));
      client.send(Buffer.of(255, 0));
    });
    const code = await new Promise((resolve) => client.on("close", resolve));
    expect({
      protocol: client.protocol,
      code,
      out: channels[1],
      err: channels[2],
      status: JSON.parse(channels[3] ?? "") as unknown,
    }).toEqual({
      protocol: "v5.channel.k8s.io",
      code: 1000,
      out: "HELLO WORLD",
      err: "done",
      status: exitStatus,
    });
  });

  test("tells the terminal's newest size", async () => {
    const sizes: unknown[] = [];
    const port = await listen((request, socket, head) => {
      void acceptCommand(request, socket, head, { stdin: false, stdout: true, stderr: false, tty: true }, clock).then(
        async (session) => {
          for await (const size of session?.resize ?? []) {
            sizes.push(size);
            await session?.exit({ kind: "exited", code: 0 });
          }
        },
      );
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/exec`, ["v5.channel.k8s.io"]);
    client.on("open", () => client.send(Buffer.from('\u0004{"Width":120,"Height":40}')));
    await new Promise((resolve) => client.on("close", resolve));
    expect(sizes).toEqual([{ width: 120, height: 40 }]);
  });
});

describe("exec over SPDY", () => {
  test("carries input, both outputs and the exit code on streams of their own", async () => {
    const port = await listen((request, socket, head) => {
      void acceptCommand(request, socket, head, { stdin: true, stdout: true, stderr: true, tty: false }, clock).then(
        shout,
      );
    });
    const { socket, answer } = await spdyUpgrade(port, "/exec", "v4.channel.k8s.io");
    const client = spdyClient(socket);
    for (const [index, type] of ["error", "stdin", "stdout", "stderr"].entries())
      await client.open(2 * index + 1, { streamtype: type });
    client.send(3, "hello ", false);
    client.send(3, "world", true);
    await client.closed;
    expect(answer.split("\r\n")).toEqual([
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
      "X-Stream-Protocol-Version: v4.channel.k8s.io",
      "",
      "",
    ]);
    expect(Object.fromEntries(client.received)).toEqual({
      1: `${JSON.stringify(exitStatus)}<fin>`,
      5: "HELLO WORLD<fin>",
      7: "done<fin>",
    });
  });

  test("a client that speaks none of our versions is told which there are", async () => {
    const port = await listen((request, socket, head) => {
      void acceptCommand(request, socket, head, { stdin: false, stdout: true, stderr: false, tty: false }, clock);
    });
    const { answer } = await spdyUpgrade(port, "/exec", "v9.channel.k8s.io");
    expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 403 Forbidden");
  });
});

describe("port-forward", () => {
  const webPod = { name: "web", uid: "1", ports: [80, 81] };
  const echo = (): { stream: Duplex; failure: Promise<undefined> } => {
    const stream = new PassThrough();
    return { stream, failure: Promise.resolve(undefined) };
  };

  test("pairs data and error streams by request, over SPDY", async () => {
    const port = await listen(
      (request, socket, head) => void servePortForward(request, socket, head, webPod, echo, clock),
    );
    const { socket } = await spdyUpgrade(port, "/portForward", "portforward.k8s.io");
    const client = spdyClient(socket);
    await client.open(1, { streamtype: "error", port: "80", requestid: "0" });
    await client.open(3, { streamtype: "data", port: "80", requestid: "0" });
    client.send(1, "", true);
    client.send(3, "ping", true);
    await expect.poll(() => Object.fromEntries(client.received)).toEqual({ 1: "<fin>", 3: "ping<fin>" });
  });

  test("tells on the error stream that a port refuses, through WebSocket too", async () => {
    const refuse = (): Promise<never> => Promise.reject(new Error("connection refused"));
    const port = await listen(
      (request, socket, head) => void servePortForward(request, socket, head, webPod, refuse, clock),
    );
    const raw = connect(port, "127.0.0.1");
    cleanups.push(() => raw.destroy());
    raw.write(
      "GET /portForward HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
    );
    const answer = await new Promise<string>((resolve) => raw.once("data", (chunk) => resolve(chunk.toString())));
    expect(answer).toContain("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io");
    const wire = createWebSocketStream(clientOver(raw));
    const client = spdyClient(wire);
    await client.open(1, { streamtype: "error", port: "81", requestid: "0" });
    await client.open(3, { streamtype: "data", port: "81", requestid: "0" });
    await expect
      .poll(() => client.received.get(1))
      .toBe("error forwarding port 81 to pod web, uid 1: connection refused<fin>");
  });
});

describe("port-forward over channels", () => {
  /** Port 80 is an echo, nothing listens elsewhere. */
  const echoOn80 = (port: number): { stream: Duplex; failure: Promise<undefined> } => {
    if (port !== 80) throw new Error("connection refused");
    return { stream: new PassThrough(), failure: Promise.resolve(undefined) };
  };

  test.each(["v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""])(
    "in version %j begins with the ports, and a port that refuses leaves the others alone",
    async (protocol) => {
      const pod = { name: "web", uid: "1", ports: [80, 8080] };
      const port = await listen(
        (request, socket, head) => void servePortForward(request, socket, head, pod, echoOn80, clock),
      );
      const base64 = protocol.includes("base64");
      const client = new WebSocket(`ws://127.0.0.1:${port}/portForward`, protocol === "" ? [] : [protocol]);
      const received: Record<number, string> = {};
      client.on("message", (data: Buffer) => {
        const [channel, bytes] = base64
          ? [Number(String.fromCharCode(data[0] ?? 0)), Buffer.from(data.subarray(1).toString(), "base64")]
          : [data[0] ?? -1, data.subarray(1)];
        received[channel] = (received[channel] ?? "") + bytes.toString("latin1");
      });
      client.on("open", () => client.send(base64 ? `0${btoa("ping")}` : Buffer.from("\0ping")));
      const failure = "error forwarding port 8080 to pod web, uid 1: connection refused";
      await expect
        .poll(() => received, { timeout: 10_000 })
        .toEqual({ 0: "P\0ping", 1: "P\0", 2: "\x90\x1f", 3: `\x90\x1f${failure}` });
      client.close();
    },
  );
});

describe("a WebSocket", () => {
  const run = async (protocols: string[], act: (session: CommandSession) => Promise<void>) => {
    const port = await listen((request, socket, head) => {
      const wanted = { stdin: true, stdout: true, stderr: false, tty: false };
      void acceptCommand(request, socket, head, wanted, clock).then((session) => session && act(session));
    });
    return new WebSocket(`ws://127.0.0.1:${port}/exec`, protocols);
  };

  test("of the first version gets a sentence in place of the Status", async () => {
    const client = await run(["channel.k8s.io"], (session) => session.exit({ kind: "exited", code: 3 }));
    let said = "";
    client.on("message", (data: Buffer) => (said += data[0] === 3 ? data.subarray(1).toString() : ""));
    await new Promise((resolve) => client.on("close", resolve));
    expect(said).toBe("command terminated with non-zero exit code: exit status 3");
  });

  test("that offers only unknown versions is refused with 403", async () => {
    const client = await run(["v9.channel.k8s.io"], () => Promise.resolve());
    client.on("error", () => undefined);
    const status = await new Promise((resolve) =>
      client.on("unexpected-response", (_request, response) => resolve(response.statusCode)),
    );
    expect(status).toBe(403);
  });

  test("is cut when it leaves a ping unanswered, but not while it has yet to read what came before", async () => {
    const simulated = createSimulatedClock();
    const ended: string[] = [];
    const open = async (name: string, chunk: string): Promise<WebSocket> => {
      const port = await listen((request, socket, head) => {
        const wanted = { stdin: false, stdout: true, stderr: false, tty: false };
        void acceptCommand(request, socket, head, wanted, simulated).then((session) => {
          session?.closed.addEventListener("abort", () => ended.push(name));
          session?.stdout?.write(chunk);
        });
      });
      const client = new WebSocket(`ws://127.0.0.1:${port}/exec`, ["v5.channel.k8s.io"], { autoPong: false });
      client.on("error", () => undefined);
      cleanups.push(() => client.terminate());
      return client;
    };
    const pinged = (client: WebSocket) => new Promise((resolve) => client.once("ping", resolve));
    const [silent, slow] = [await open("silent", "one"), await open("slow", "one")];
    let ping: Promise<unknown> = Promise.all([silent, slow].map(pinged));
    await Promise.all([silent, slow].map((client) => new Promise((resolve) => client.once("message", resolve))));
    await simulated.advance(30_000);
    await ping;
    // The first has read everything, and says so once; the second has not said so.
    silent.pong();
    await expect
      .poll(
        async () => {
          ping = pinged(slow);
          await simulated.advance(30_000);
          await ping;
          return ended;
        },
        { timeout: 10_000 },
      )
      .toEqual(["silent"]);
  });
});

/** A WebSocket client on a connection that has been upgraded by hand, since `ws` refuses the subprotocol's slash there, too. */
function clientOver(socket: Socket): WebSocket {
  const client = new WebSocket(null as never, undefined, {});
  (
    client as WebSocket & { setSocket(socket: Socket, head: Buffer, options: object): void; _isServer: boolean }
  )._isServer = false;
  (client as WebSocket & { setSocket(socket: Socket, head: Buffer, options: object): void }).setSocket(
    socket,
    Buffer.alloc(0),
    { allowSynchronousEvents: true, maxPayload: 1 << 20, skipUTF8Validation: false },
  );
  return client;
}
