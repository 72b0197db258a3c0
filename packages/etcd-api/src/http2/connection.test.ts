// Our HTTP/2 against Node's, in both roles, and against peers that break the rules.
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { duplexPair } from "node:stream";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { Http2Connection } from "./connection.ts";
import { errorCodes, frameTypes, preface } from "./frame.ts";
import { HeaderDecoder, encodeHeaders, repeatedHeaders } from "./hpack.ts";
import type { Headers } from "./hpack.ts";
import type { Http2Stream } from "./stream.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

const options = { role: "server", streamWindowBytes: 1 << 20 } as const;

/** Our server on a free port. */
async function serve(opened: (stream: Http2Stream, headers: Headers, last: boolean) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    void new Http2Connection(socket, options, { opened, closed: () => sockets.delete(socket) });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return (server.address() as AddressInfo).port;
}

function nodeClient(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  open.push({ close: () => session.destroy() });
  return session;
}

async function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer,
): Promise<{ headers: http2.IncomingHttpHeaders; body: Buffer }> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const answered = once(stream, "response") as Promise<[http2.IncomingHttpHeaders]>;
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await Promise.all([answered, once(stream, "end")]);
  return { headers: (await answered)[0], body: Buffer.concat(chunks) };
}

describe("headers", () => {
  test("come out as Node's encoder put them in, with its Huffman code and its table, request after request", async () => {
    const seen: Headers[] = [];
    const port = await serve((stream, headers) => {
      seen.push(headers);
      stream.sendHeaders(encodeHeaders({ ":status": 200 }), true);
    });
    const session = nodeClient(port);
    const value = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    await fc.assert(
      fc.asyncProperty(value, value, async (first, second) => {
        await ask(session, { ":path": `/${first}`, "x-first": first, "x-second": second, "x-same": "same" });
        expect(seen.at(-1)).toMatchObject({ ":path": `/${first}`, "x-first": first, "x-second": second });
        expect(seen.at(-1)).toMatchObject({ "x-same": "same" });
      }),
      { numRuns: 300 },
    );
  });

  test("that come more than once are joined, and stand apart as well", () => {
    const block = encodeHeaders({ ":path": "/", "x-group": ["a, b", "c"], "x-long": "y".repeat(5000) });
    const headers = new HeaderDecoder().decode(block);
    expect(headers["x-group"]).toBe("a, b, c");
    expect(headers[repeatedHeaders]).toEqual([
      [":path", "/"],
      ["x-group", "a, b"],
      ["x-group", "c"],
      ["x-long", "y".repeat(5000)],
    ]);
  });

  test("that we write are read by Node, and by ourselves", async () => {
    const headers = { ":status": 200, "content-type": "application/grpc", "grpc-message": "x".repeat(300), own: "ä" };
    const port = await serve((stream) => stream.sendHeaders(encodeHeaders(headers), true));
    const answer = await ask(nodeClient(port), { ":path": "/" });
    expect(answer.headers).toMatchObject({ ...headers, own: "ä" });
    expect({ ...new HeaderDecoder().decode(encodeHeaders(headers)) }).toEqual({ ...headers, ":status": "200" });
  });

  test("that do not fit into one frame are continued", async () => {
    const large = "y".repeat(40_000);
    const port = await serve((stream, headers) =>
      stream.sendHeaders(encodeHeaders({ ":status": 200, large: headers["large"] }), true),
    );
    const answer = await ask(nodeClient(port), { ":path": "/", large });
    expect(answer.headers["large"]).toBe(large);
  });
});

describe("data", () => {
  const body = Buffer.alloc(5_000_000, "0123456789abcdef");
  /** Sends back everything at its end. */
  const echo = (stream: Http2Stream): void => {
    const chunks: Buffer[] = [];
    stream.handler = {
      data(bytes, last) {
        chunks.push(Buffer.from(bytes));
        if (!last) return;
        stream.sendHeaders(encodeHeaders({ ":status": 200 }), false);
        stream.sendData(Buffer.concat(chunks), false);
        stream.sendHeaders(encodeHeaders({ "grpc-status": 0 }), true);
      },
      closed: () => {},
    };
  };

  test("larger than every window goes there and back", async () => {
    const session = nodeClient(await serve(echo));
    const answers = await Promise.all([1, 2, 3].map(() => ask(session, { ":path": "/", ":method": "POST" }, body)));
    for (const answer of answers) expect(answer.body.equals(body)).toBe(true);
  });

  test("goes to a server of Node's and back, many streams at once", async () => {
    const server = http2.createServer({ settings: { maxConcurrentStreams: 10 } });
    server.on("stream", (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
    const settled = Promise.withResolvers<void>();
    const client = new Http2Connection(
      socket,
      { role: "client", streamWindowBytes: 1 << 18 },
      { settled: settled.resolve, closed: () => {} },
    );
    open.push(server, { close: () => client.destroy() });
    await settled.promise;
    const call = async (): Promise<[number, string | undefined]> => {
      for (let room = client.whenRoom(); room !== undefined; room = client.whenRoom()) await room;
      const stream = client.request(
        encodeHeaders({ ":method": "POST", ":path": "/", ":scheme": "http", ":authority": "a" }),
        false,
      );
      let bytes = 0;
      let status: string | undefined;
      return await new Promise((resolve) => {
        stream.handler = {
          headers: (headers) => (status = headers["grpc-status"]),
          data: (chunk) => (bytes += chunk.length),
          closed: () => resolve([bytes, status]),
        };
        stream.sendData(body.subarray(0, 1_000_000), true);
      });
    };
    const results = await Promise.all(Array.from({ length: 30 }, call));
    expect(results).toEqual(results.map(() => [1_000_000, "0"]));
    await client.ping();
  });

  test("waits for a reader that pauses, and tells the sender when there is room", async () => {
    const opened = Promise.withResolvers<Http2Stream>();
    const port = await serve((stream) => {
      stream.handler = { data: () => {}, closed: () => {} };
      stream.sendHeaders(encodeHeaders({ ":status": 200 }), false);
      opened.resolve(stream);
    });
    const request = nodeClient(port).request({ ":path": "/", ":method": "POST" });
    const stream = await opened.promise;
    let sent = 0;
    while (stream.sendData(Buffer.alloc(50_000), false)) sent += 50_000;
    expect(sent).toBeLessThan(500_000);
    const writable = stream.whenWritable();
    request.resume();
    await writable;
    expect(stream.writable).toBe(true);
  });
});

describe("a peer that breaks the rules", () => {
  /** What our server says to these bytes before it hangs up: the code of its GOAWAY. */
  async function verdict(...parts: Buffer[]): Promise<number | undefined> {
    const [near, far] = duplexPair();
    const socket = Object.assign(far, { setNoDelay: () => far, destroySoon: () => far.end() });
    void new Http2Connection(socket as object as net.Socket, options, {
      opened: (stream) => (stream.handler = { data: () => {}, closed: () => {} }),
      closed: () => {},
    });
    const chunks: Buffer[] = [];
    near.on("data", (chunk: Buffer) => chunks.push(chunk));
    near.write(Buffer.concat(parts));
    await once(near, "end");
    const bytes = Buffer.concat(chunks);
    for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3))
      if (bytes[at + 3] === frameTypes.goaway) return bytes.readUInt32BE(at + 9 + 4);
    return undefined;
  }

  function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(id, 5);
    return Buffer.concat([head, payload]);
  }
  const settings = frame(frameTypes.settings, 0, 0, Buffer.alloc(0));
  const headers = (id: number, flags: number, block: Buffer): Buffer => frame(frameTypes.headers, flags, id, block);
  const request = encodeHeaders({ ":method": "POST", ":path": "/" });

  test.each<[string, number, Buffer[]]>([
    ["does not begin as HTTP/2", errorCodes.protocolError, [Buffer.from("GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n")]],
    ["sends a frame over the limit", errorCodes.frameSizeError, [preface, frame(0, 0, 1, Buffer.alloc(16_385))]],
    ["sends data on a stream it never opened", errorCodes.protocolError, [preface, settings, frame(0, 0, 1, request)]],
    ["opens a stream of ours", errorCodes.protocolError, [preface, settings, headers(2, 5, request)]],
    [
      "mixes frames into a header block",
      errorCodes.protocolError,
      [preface, settings, headers(1, 0, request), settings],
    ],
    [
      "continues a header block for ever",
      errorCodes.enhanceYourCalm,
      [preface, settings, headers(1, 0, request), ...Array<Buffer>(5).fill(frame(9, 0, 1, Buffer.alloc(16_000)))],
    ],
    [
      "names a header that is not there",
      errorCodes.compressionError,
      [preface, settings, headers(1, 5, Buffer.from([0xff, 0x7f]))],
    ],
    [
      "sends broken Huffman code",
      errorCodes.compressionError,
      [preface, settings, headers(1, 5, Buffer.from([0x04, 0x84, 0xff, 0xff, 0xff, 0xff]))],
    ],
    [
      "gives more window than there can be",
      errorCodes.flowControlError,
      [preface, settings, frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))],
    ],
    ["acknowledges nothing with something", errorCodes.frameSizeError, [preface, frame(4, 0, 0, Buffer.alloc(5))]],
  ])("%s is told so and let go", async (_what, code, parts) => {
    expect(await verdict(...parts)).toBe(code);
  });
});
