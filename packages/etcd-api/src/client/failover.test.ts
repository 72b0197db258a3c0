// Servers that go without a word: between client and server stands a wire that can be made to swallow everything, as a machine without power does.
import * as net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Handlers } from "../grpc/handlers.ts";
import { implement } from "../grpc/handlers.ts";
import { createGrpcServer } from "../grpc/listener.ts";
import { GrpcError } from "../grpc/status.ts";
import type { Timers } from "../grpc/timers.ts";
import { kvService, watchService } from "../services.ts";
import { createEtcdClient } from "./client.ts";
import type { EtcdClient } from "./client.ts";

/** Time runs twenty times as fast as the client believes. */
const timers: Timers = {
  setTimeout(wake, delayMs) {
    const handle = setTimeout(wake, delayMs / 20);
    return { cancel: () => clearTimeout(handle) };
  },
};
const patient = { timeoutMs: 400_000, connectTimeoutMs: 400_000 };
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

interface Server {
  readonly endpoint: string;
  /** Nothing goes through any more, and nobody is told. */
  silence(): void;
  unavailable: boolean;
  readonly asked: string[];
}

async function serve(name: string): Promise<Server> {
  const asked: string[] = [];
  const answer = (key: Uint8Array) => {
    const text = Buffer.from(key).toString();
    if (text !== "health") asked.push(text);
    if (self.unavailable) throw new GrpcError(14, "etcdserver: no leader");
    return { kvs: [{ key: "who", value: Buffer.from(name) }] };
  };
  const watch: Handlers<typeof watchService.methods> = {
    async watch(requests, call) {
      for await (const { createRequest } of requests)
        if (createRequest !== undefined) {
          call.send({ header: { revision: 5 }, watchId: createRequest.watchId, created: true });
          const modRevision = Math.max(6, createRequest.startRevision);
          const kv = { key: "who", value: Buffer.from(name), modRevision };
          call.send({ header: { revision: modRevision }, watchId: createRequest.watchId, events: [{ kv }] });
        }
    },
  };
  const server = createGrpcServer(
    {
      services: [
        implement(kvService, { range: ({ key }) => answer(key), put: ({ key }) => (answer(key), {}) }),
        implement(watchService, watch),
      ],
      maxRequestBytes: 1000,
      onBug: () => undefined,
      http: (_request, response) => void response.end(),
    },
    timers,
  );
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  const wires = new Set<net.Socket>();
  let silent = false;
  const proxy = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      wires.add(from);
      from.on("data", (chunk) => (silent ? undefined : to.write(chunk)));
      from.on("error", () => undefined);
      from.on("close", () => (silent ? undefined : to.destroy()));
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  open.push(server, { close: () => (wires.forEach((wire) => wire.destroy()), proxy.close()) });
  const self: Server = {
    endpoint: `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`,
    silence: () => (silent = true),
    unavailable: false,
    asked,
  };
  return self;
}

function connect(servers: readonly Server[]): EtcdClient {
  const client = createEtcdClient(
    { endpoints: servers.map(({ endpoint }) => endpoint), ...patient },
    { clock: timers },
  );
  open.push(client);
  return client;
}

async function whoAnswers(client: EtcdClient): Promise<string> {
  const { kvs } = await client.kv.range({ key: "k" });
  return Buffer.from(kvs[0]?.value ?? []).toString();
}

describe("a client of several servers, one of which falls silent", () => {
  test("reads elsewhere, long before a call's own deadline", async () => {
    const [first, second] = [await serve("first"), await serve("second")];
    const client = connect([first, second]);
    expect(await whoAnswers(client)).toBe("first");
    first.silence();
    expect(await whoAnswers(client)).toBe("second");
  });

  test("does not write a second time what may have arrived, and writes the next elsewhere", async () => {
    const [first, second] = [await serve("first"), await serve("second")];
    const client = connect([first, second]);
    await client.kv.put({ key: "a" });
    first.silence();
    await expect(client.kv.put({ key: "b" })).rejects.toMatchObject({ code: 14 });
    await client.kv.put({ key: "c" });
    expect(second.asked).toEqual(["c"]);
  });

  test("goes on with its watches elsewhere when nothing else is asked", async () => {
    const [first, second] = [await serve("first"), await serve("second")];
    const seen: string[] = [];
    for await (const { events } of connect([first, second]).watch({ key: "who" })) {
      for (const { kv } of events) seen.push(`${Buffer.from(kv?.value ?? []).toString()} ${kv?.modRevision}`);
      if (seen.length === 1) first.silence();
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(["first 6", "second 7"]);
  });

  test("does not take one for dead that takes long to answer one call", async () => {
    const [first, second] = [await serve("first"), await serve("second")];
    const slow = Promise.withResolvers<void>();
    const server = createGrpcServer(
      {
        services: [
          implement(kvService, {
            range: async () => {
              await slow.promise;
              return { count: 3 };
            },
          }),
        ],
        maxRequestBytes: 1000,
        onBug: () => undefined,
        http: (_request, response) => void response.end(),
      },
      timers,
    );
    const port = await server.listen({ host: "127.0.0.1", port: 0 });
    open.push(server);
    const client = connect([{ ...first, endpoint: `http://127.0.0.1:${port}` }, second]);
    const answer = client.kv.range({ key: "k" });
    // Thirty beats: several pings, each answered.
    await new Promise((resolve) => setTimeout(resolve, 750));
    slow.resolve();
    expect(await answer).toMatchObject({ count: 3 });
    expect(second.asked).toEqual([]);
  });
});

describe("a client whose own server could not serve for a while", () => {
  test("comes back to it", async () => {
    const [home, other] = [await serve("home"), await serve("other")];
    const client = connect([home, other]);
    home.unavailable = true;
    expect(await whoAnswers(client)).toBe("other");
    home.unavailable = false;
    await expect.poll(() => whoAnswers(client), { timeout: 30_000, interval: 20 }).toBe("home");
  });
});
