import * as http2 from "node:http2";
import { gzipSync } from "node:zlib";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { createEtcdClient } from "../client/client.ts";
import type { EtcdClient } from "../client/client.ts";
import type { WatchBatch } from "../client/watcher.ts";
import { rangeRequest } from "../messages/kv.ts";
import { kvService, watchService } from "../services.ts";
import { encode } from "../wire/message.ts";
import { implement } from "./handlers.ts";
import type { Handlers } from "./handlers.ts";
import { createGrpcServer } from "./listener.ts";
import type { GrpcServer } from "./listener.ts";
import { GrpcError } from "./status.ts";
import type { Timers } from "./timers.ts";

const timers: Timers = {
  setTimeout(wake, delayMs) {
    const handle = setTimeout(wake, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function serve(
  kv: Handlers<typeof kvService.methods>,
  watch: Handlers<typeof watchService.methods> = {},
  port = 0,
): Promise<{ endpoint: string; port: number; server: GrpcServer; bugs: unknown[] }> {
  const bugs: unknown[] = [];
  const server = createGrpcServer(
    {
      services: [implement(kvService, kv), implement(watchService, watch)],
      maxRequestBytes: 1000,
      onBug: (_path, error) => bugs.push(error),
      http: (request, response) => {
        response.end(`HTTP/${request.httpVersion}`);
      },
    },
    timers,
  );
  const bound = await server.listen({ host: "127.0.0.1", port });
  open.push(server);
  return { endpoint: `http://127.0.0.1:${bound}`, port: bound, server, bugs };
}

function connect(...endpoints: string[]): EtcdClient {
  const client = createEtcdClient({ endpoints, timeoutMs: 2000 }, { clock: timers });
  open.push(client);
  return client;
}

const header = (revision: number): { revision: number } => ({ revision });

describe("a gRPC server", () => {
  test("answers unary calls, and errors with their code and text, umlauts included", async () => {
    const { endpoint } = await serve({
      range: ({ key }) => {
        if (key.length === 0) throw new GrpcError(3, "kein Schlüssel: 100 %");
        return { header: header(7), count: key.length };
      },
    });
    const client = connect(endpoint);
    expect(await client.kv.range({ key: "abc" })).toMatchObject({ header: { revision: 7 }, count: 3 });
    await expect(client.kv.range({})).rejects.toMatchObject({ code: 3, details: "kein Schlüssel: 100 %" });
  });

  test("is asked for with the certificate of the moment: each connection gets the newest", async () => {
    const { port } = await serve({});
    const shown: string[] = [];
    const names = ["first", "second"];
    const tls = () => {
      shown.push(names.shift() ?? "none");
      return {};
    };
    const client = createEtcdClient(
      { endpoints: [`https://127.0.0.1:${port}`], tls, timeoutMs: 2000 },
      { clock: timers },
    );
    open.push(client);
    // The server speaks plainly, so that no connection lasts.
    for (let i = 0; i < 2; i++) await expect(client.kv.range({ key: "k" })).rejects.toThrow();
    expect(shown.slice(0, 2)).toEqual(["first", "second"]);
  });

  test("says Unimplemented for what it does not know", async () => {
    const client = connect((await serve({})).endpoint);
    await expect(client.kv.put({ key: "k" })).rejects.toMatchObject({
      code: 12,
      details: "unknown method Put for service etcdserverpb.KV",
    });
    await expect(client.auth.authStatus({})).rejects.toMatchObject({
      code: 12,
      details: "unknown service etcdserverpb.Auth",
    });
  });

  test("refuses a message over the limit, whose connection stays usable", async () => {
    const client = connect((await serve({ put: () => ({ header: header(1) }) })).endpoint);
    await expect(client.kv.put({ key: "k", value: "x".repeat(2000) })).rejects.toMatchObject({ code: 8 });
    expect(await client.kv.put({ key: "k" })).toMatchObject({ header: { revision: 1 } });
  });

  test("answers a handler's bug with Unknown and reports it", async () => {
    const { endpoint, bugs } = await serve({
      put: () => {
        throw new TypeError("oops");
      },
    });
    await expect(connect(endpoint).kv.put({ key: "k" })).rejects.toMatchObject({ code: 2, details: "oops" });
    expect(bugs).toEqual([new TypeError("oops")]);
  });

  test("ends a call at its deadline and tells the handler", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const { endpoint } = await serve({
      range: (_request, call) =>
        new Promise(() => {
          call.signal.addEventListener("abort", () => aborted.resolve(call.signal.reason));
        }),
    });
    await expect(connect(endpoint).kv.range({ key: "k" }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 4 });
    await expect(aborted.promise).resolves.toBeInstanceOf(GrpcError);
  });

  test("unpacks gzip, up to the limit, and no other encoding", async () => {
    const { endpoint } = await serve({ range: ({ key }) => ({ count: key.length }) });
    const packed = (key: string): Buffer => {
      const bytes = gzipSync(encode(rangeRequest, { key }));
      const prefix = Buffer.from([1, 0, 0, 0, 0]);
      prefix.writeUInt32BE(bytes.length, 1);
      return Buffer.concat([prefix, bytes]);
    };
    const gzip = { "grpc-encoding": "gzip" };
    expect(await raw(endpoint, gzip, packed("k".repeat(100)))).toMatchObject({ "grpc-status": "0" });
    expect(await raw(endpoint, gzip, packed("k".repeat(1001)))).toMatchObject({ "grpc-status": "8" });
    expect(await raw(endpoint, gzip, Buffer.from([1, 0, 0, 0, 1, 7]))).toMatchObject({ "grpc-status": "13" });
    expect(await raw(endpoint, {}, packed("k"))).toMatchObject({ "grpc-status": "13" });
    expect(await raw(endpoint, { "grpc-encoding": "snappy" }, packed("k"))).toMatchObject({ "grpc-status": "12" });
  });

  test("refuses what is no message", async () => {
    const { endpoint } = await serve({ range: () => ({}) });
    expect(await raw(endpoint, {}, Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]))).toMatchObject({ "grpc-status": "13" });
    expect(await raw(endpoint, {}, Buffer.alloc(0))).toMatchObject({ "grpc-status": "13" });
  });

  test("serves HTTP/1.1 on the same port", async () => {
    const { endpoint } = await serve({});
    expect(await (await fetch(endpoint)).text()).toBe("HTTP/1.1");
  });

  test("serves HTTP/2 requests that are not gRPC as well, beside those that are", async () => {
    const { endpoint } = await serve({ range: () => ({ count: 1 }) });
    const session = http2.connect(endpoint);
    const stream = session.request({ ":path": "/health" });
    const headers = new Promise((resolve) => stream.on("response", resolve));
    const body = await text(stream);
    expect([await headers, body]).toMatchObject([{ ":status": 200 }, "HTTP/1.1"]);
    session.destroy();
    expect(await connect(endpoint).kv.range({ key: "k" })).toMatchObject({ count: 1 });
  });

  test("lets calls end that run when it closes, and takes no more", async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const { endpoint, server } = await serve({
      put: async () => {
        begun.resolve();
        await end.promise;
        return { header: header(4) };
      },
    });
    const client = connect(endpoint);
    const running = client.kv.put({ key: "k" });
    await begun.promise;
    const closed = server.close(10_000);
    end.resolve();
    expect(await running).toMatchObject({ header: { revision: 4 } });
    await closed;
    await expect(client.kv.put({ key: "k" })).rejects.toMatchObject({ code: 14 });
  });

  test("keeps a connection whose client cancels thousands of watches", async () => {
    const { endpoint } = await serve({ range: () => ({ count: 1 }) }, { watch: () => new Promise<void>(() => {}) });
    const session = http2.connect(endpoint);
    for (let index = 0; index < 3000; index++) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/etcdserverpb.Watch/Watch",
        "content-type": "application/grpc",
      });
      stream.on("error", () => {});
      if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    await new Promise<void>((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))));
    expect(session.destroyed).toBe(false);
    session.destroy();
  });
});

describe("the client", () => {
  test("goes to the next endpoint when one cannot be reached, for writes as well", async () => {
    const { endpoint } = await serve({ put: () => ({ header: header(3) }) });
    expect(await connect("http://127.0.0.1:1", endpoint).kv.put({ key: "k" })).toMatchObject({
      header: { revision: 3 },
    });
  });

  test("does not send a write again that a server may have seen", async () => {
    let calls = 0;
    const unavailable = {
      put: () => {
        calls++;
        throw new GrpcError(14, "etcdserver: leader changed");
      },
      range: () => {
        throw new GrpcError(14, "etcdserver: leader changed");
      },
    };
    const first = await serve(unavailable);
    const second = await serve({
      put: () => {
        calls++;
        return {};
      },
      range: () => ({ count: 9 }),
    });
    const client = connect(first.endpoint, second.endpoint);
    expect(await client.kv.range({ key: "k" })).toMatchObject({ count: 9 });
    const other = connect(first.endpoint, second.endpoint);
    await expect(other.kv.put({ key: "k" })).rejects.toMatchObject({ code: 14 });
    expect(calls).toBe(1);
  });

  test("goes on with a watch after the connection broke, at the revision after the last it saw", async () => {
    const starts: number[] = [];
    const watch: Handlers<typeof watchService.methods> = {
      async watch(requests, call) {
        for await (const { createRequest } of requests) {
          if (createRequest === undefined) continue;
          starts.push(createRequest.startRevision);
          const { watchId } = createRequest;
          call.send({ header: header(10), watchId, created: true });
          const modRevision = Math.max(11, createRequest.startRevision);
          call.send({
            header: header(modRevision),
            watchId,
            fragment: true,
            events: [{ kv: { key: "a", modRevision } }],
          });
          call.send({ header: header(modRevision), watchId, events: [{ kv: { key: "b", modRevision } }] });
        }
      },
    };
    const first = await serve({}, watch);
    const batches = connect(first.endpoint).watch({ key: "a", rangeEnd: "c" })[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const batch = (await batches.next()).value as WatchBatch;
      return [batch.revision, batch.created, batch.events.map(({ kv }) => kv?.key.toString()).join("")];
    };
    expect([await next(), await next()]).toEqual([
      [10, true, ""],
      [11, false, "ab"],
    ]);
    await first.server.close();
    await serve({}, watch, first.port);
    expect(await next()).toEqual([12, false, "ab"]);
    expect(starts).toEqual([0, 12]);
    await batches.return?.();
  });

  test("takes a watch off the server whose reader is slow, and loses nothing", async () => {
    let cancelled = 0;
    const last = 5000;
    const { endpoint } = await serve(
      {},
      {
        async watch(requests, call) {
          const live = new Set<number>();
          const feed = async (watchId: number, from: number): Promise<void> => {
            for (
              let revision = Math.max(1, from);
              revision <= last && live.has(watchId) && !call.signal.aborted;
              revision++
            ) {
              if (
                !call.send({ header: header(revision), watchId, events: [{ kv: { key: "k", modRevision: revision } }] })
              )
                await call.drained();
              if (revision % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
            }
          };
          const feeds: Promise<void>[] = [];
          for await (const { createRequest, cancelRequest } of requests) {
            if (cancelRequest !== undefined) {
              cancelled++;
              live.delete(cancelRequest.watchId);
            }
            if (createRequest === undefined) continue;
            live.add(createRequest.watchId);
            call.send({ header: header(0), watchId: createRequest.watchId, created: true });
            feeds.push(feed(createRequest.watchId, createRequest.startRevision));
          }
          await Promise.all(feeds);
        },
      },
    );
    const seen: number[] = [];
    for await (const { events } of connect(endpoint).watch({ key: "k", startRevision: 1 })) {
      if (seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 150));
      for (const { kv } of events) seen.push(kv?.modRevision ?? 0);
      if (seen.length >= last) break;
    }
    expect(seen).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    expect(cancelled).toBeGreaterThan(0);
  });
});

function raw(endpoint: string, headers: Record<string, string>, body: Buffer): Promise<http2.IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(endpoint);
    const stream = session.request({
      ":method": "POST",
      ":path": "/etcdserverpb.KV/Range",
      "content-type": "application/grpc",
      ...headers,
    });
    let answered: http2.IncomingHttpHeaders = {};
    stream.on("response", (first) => (answered = first));
    stream.on("trailers", (last) => (answered = { ...answered, ...last }));
    stream.on("end", () => {
      resolve(answered);
      session.destroy();
    });
    stream.resume();
    stream.on("error", reject);
    stream.end(body);
  });
}
