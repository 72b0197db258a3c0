// The JSON gateway over HTTP/1.1, with handlers of its own behind it.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { GrpcError, implement, kvService, leaseService, maintenanceService, watchService } from "@coxswain/etcd-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGateway } from "./gateway.ts";
import { jsonTexts } from "./json-stream.ts";

let server: Server;
let url: string;
const bugs: string[] = [];
const seen: object[] = [];

beforeAll(async () => {
  const gateway = createGateway({
    services: [
      implement(kvService, {
        range: ({ key }, { metadata, path, peer }) => {
          seen.push({
            path,
            peer: peer.commonName,
            authorization: metadata["authorization"],
            token: metadata["token"],
          });
          return { header: { revision: 7 }, count: key.length };
        },
        put: ({ lease }) => {
          if (lease === 1n) throw new TypeError("oops");
          throw new GrpcError(Number(lease), `code ${lease}`);
        },
      }),
      implement(leaseService, {
        leaseKeepAlive: async (requests, call) => {
          for await (const { id } of requests) call.send({ id, ttl: 5 });
          throw new GrpcError(5, "gone");
        },
      }),
      implement(watchService, {
        watch: (_requests, call) =>
          new Promise((resolve) => {
            call.send({ created: true });
            call.signal.addEventListener("abort", () => {
              seen.push({ aborted: true });
              resolve();
            });
          }),
      }),
      implement(maintenanceService, {
        snapshot: async (_request, call) => {
          call.send({ remainingBytes: 1, blob: "ab" });
          call.send({ blob: "c" });
        },
      }),
    ],
    maxRequestBytes: 300,
    onBug: (path) => bugs.push(path),
  });
  server = createServer((request, response) => {
    if (!gateway.serve(new URL(request.url ?? "/", "http://x").pathname, request, response))
      response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const post = async (
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(url + path, { method: "POST", body, headers });
  return { status: response.status, body: await response.json() };
};

describe("the gateway", () => {
  it("serves a method under its path, with the token of the Authorization header and marked metadata", async () => {
    const headers = { authorization: "tok.1", "grpc-metadata-token": "other", "x-token": "no" };
    expect(await post("/v3/kv/range", '{"key":"YWJj"}', headers)).toEqual({
      status: 200,
      body: { header: { revision: "7" }, count: "3" },
    });
    expect(seen.splice(0)).toEqual([
      { path: "/etcdserverpb.KV/Range", peer: undefined, authorization: "tok.1", token: "other" },
    ]);
  });

  it.each([
    [3, 400],
    [5, 404],
    [7, 403],
    [8, 429],
    [9, 400],
    [11, 400],
    [12, 501],
    [13, 500],
    [14, 503],
    [16, 401],
  ])("answers an error of code %d with status %d", async (code, status) => {
    const details = `code ${code}`;
    expect(await post("/v3/kv/put", `{"lease":"${code}"}`)).toEqual({
      status,
      body: { error: details, code, message: details },
    });
  });

  it("answers a bug with Unknown, and tells of it", async () => {
    expect(await post("/v3/kv/put", '{"lease":1}')).toEqual({
      status: 500,
      body: { error: "oops", code: 2, message: "oops" },
    });
    expect(bugs.splice(0)).toEqual(["/etcdserverpb.KV/Put"]);
  });

  it("refuses what is no JSON, too large, no method of its own, or not posted", async () => {
    expect(await post("/v3/kv/range", "{")).toMatchObject({ status: 400, body: { code: 3 } });
    expect(await post("/v3/kv/range", `{"key":"${"a".repeat(500)}"}`)).toMatchObject({
      status: 429,
      body: { code: 8 },
    });
    expect(await post("/v3/kv/txn", "{}")).toMatchObject({ status: 501, body: { code: 12 } });
    expect(await post("/v3/kv/nope", "{}")).toMatchObject({ status: 404, body: { code: 5, message: "Not Found" } });
    expect((await fetch(`${url}/v3/kv/range`)).status).toBe(405);
    expect((await fetch(`${url}/health`)).status).toBe(418);
  });

  it("answers a stream line by line, and its failure as the last line", async () => {
    const response = await fetch(`${url}/v3/lease/keepalive`, { method: "POST", body: '{"ID":"1"} {"ID":2}' });
    expect(await response.text()).toBe(
      '{"result":{"ID":"1","TTL":"5"}}\n{"result":{"ID":"2","TTL":"5"}}\n' +
        '{"error":{"grpc_code":5,"http_code":404,"message":"gone","http_status":"Not Found"}}\n',
    );
    const pieces = await fetch(`${url}/v3/maintenance/snapshot`, { method: "POST", body: "" });
    expect(await pieces.text()).toBe('{"result":{"remaining_bytes":"1","blob":"YWI="}}\n{"result":{"blob":"Yw=="}}\n');
  });

  it("tells the handler when the client has gone", async () => {
    const aborter = new AbortController();
    const response = await fetch(`${url}/v3/watch`, {
      method: "POST",
      body: '{"create_request":{"key":"YQ=="}}',
      signal: aborter.signal,
    });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"result":{"created":true}}\n');
    aborter.abort();
    await expect.poll(() => seen.splice(0), { timeout: 10_000 }).toEqual([{ aborted: true }]);
  });
});

describe("JSON texts on a stream", () => {
  const read = async (maxBytes: number, ...chunks: string[]): Promise<string[]> => {
    async function* bytes(): AsyncGenerator<Buffer> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    }
    const texts: string[] = [];
    for await (const text of jsonTexts(bytes(), maxBytes)) texts.push(text);
    return texts;
  };

  it("are cut where they end, wherever chunks do", async () => {
    const text = '{"a":"}{\\"","b":{"c":[{}]}}\n\n{"ü":1}{}';
    const expected = ['{"a":"}{\\"","b":{"c":[{}]}}', '{"ü":1}', "{}"];
    expect(await read(100, text)).toEqual(expected.map((each) => expect.stringContaining(each) as string));
    expect((await read(100, ...text)).map((each) => JSON.parse(each) as unknown)).toEqual(
      expected.map((each) => JSON.parse(each) as unknown),
    );
  });

  it("may not be too large, nor end in the middle", async () => {
    await expect(read(10, '{"a":"', "x".repeat(20))).rejects.toThrow("more than 10 bytes");
    await expect(read(100, '{} {"a":')).rejects.toThrow("unexpected EOF");
  });
});
