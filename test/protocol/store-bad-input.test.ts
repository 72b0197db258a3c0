// What no client should send, to our store and to Debian's etcd in one run: both refuse it in the same words, and go on.
import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decode, encode, putRequest, rangeRequest, rangeResponse } from "@coxswain/etcd-api";
import { etcdVersion, startEtcd, startStore } from "./store/endpoints.ts";
import type { RunningEndpoint } from "./store/endpoints.ts";
import { rawCall } from "./store/raw-call.ts";
import type { RawAnswer } from "./store/raw-call.ts";

const range = "/etcdserverpb.KV/Range";
const put = "/etcdserverpb.KV/Put";
const key = encode(rangeRequest, { key: "k" });
const value = (bytes: number): Buffer => encode(putRequest, { key: "k", value: Buffer.alloc(bytes) });

describe.skipIf(etcdVersion === undefined)(`bad input to our store and ${etcdVersion ?? "etcd"}`, () => {
  let ours: RunningEndpoint;
  let theirs: RunningEndpoint;
  beforeAll(async () => {
    [ours, theirs] = await Promise.all([startStore(), startEtcd()]);
  });
  afterAll(async () => {
    await Promise.all([ours?.stop(), theirs?.stop()]);
  });
  const both = <T>(ask: (endpoint: RunningEndpoint) => Promise<T>): Promise<[T, T]> =>
    Promise.all([ask(ours), ask(theirs)]);
  const said = ({ code, details }: RawAnswer): string => `${code}: ${details}`;

  it.each([
    ["an unknown method", "/etcdserverpb.KV/Nope", key],
    ["an unknown service", "/etcdserverpb.Nope/Range", key],
    ["the health of a service nobody knows", "/grpc.health.v1.Health/Check", Buffer.from("\n\u0004nope")],
    ["a service of another case", "/etcdserverpb.kv/Range", key],
    ["a value just over the limit", put, value(1_572_864)],
    ["a value far over the limit", put, value(3_000_000)],
    ["an empty request", put, Buffer.alloc(0)],
    ["a key that is not given", range, Buffer.alloc(0)],
  ])("is told of %s in the same words", async (_name, path, request) => {
    const [own, other] = await both(({ url }) => rawCall(url, path, request));
    expect(said(own)).toBe(said(other));
    expect(own.code).not.toBe(0);
  });

  it("is told that all is well, in the same bytes", async () => {
    const [own, other] = await both(({ url }) => rawCall(url, "/grpc.health.v1.Health/Check", Buffer.alloc(0)));
    expect(own).toEqual(other);
    expect(own.bytes).toEqual(Buffer.from([0x08, 0x01]));
  });

  it("is taken up to the same size", async () => {
    const answers = await both(({ url }) => rawCall(url, put, value(1_572_000)));
    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
  });

  it.each([
    ["a length that runs over the end", Buffer.from([0x0a, 0x7f, 0x61])],
    ["a varint without an end", Buffer.from([0x18, 0xff, 0xff])],
    ["a tag of no field", Buffer.from([0x00, 0x01])],
    ["random bytes", Buffer.from("deadbeefcafebabe", "hex")],
  ])("is refused with Internal for %s", async (_name, request) => {
    const answers = await both(({ url }) => rawCall(url, range, request));
    for (const { code, details } of answers) {
      expect(code).toBe(13);
      expect(details).toMatch(/^grpc: error unmarshalling request: /);
    }
  });

  it("passes over fields that nobody knows", async () => {
    const request = Buffer.concat([key, Buffer.from([0xfa, 0x3e, 0x02, 0x68, 0x69])]);
    const counts = await both(async ({ url }) => {
      const { code, bytes } = await rawCall(url, range, request);
      return [code, bytes && decode(rangeResponse, bytes).count];
    });
    expect(counts[0]).toEqual(counts[1]);
  });

  it("takes gzip, by any client that sends it (as etcd does since 3.5)", async () => {
    const gzip = { "grpc.default_compression_algorithm": 2 };
    const request = encode(rangeRequest, { key: "k".repeat(1000) });
    expect(await rawCall(ours.url, range, request, {}, gzip)).toMatchObject({ code: 0 });
  });

  it("answers gRPC over HTTP/1.1 with 404, and lives through noise", async () => {
    const statuses = await both(async ({ url }) => {
      const response = await fetch(`${url}/etcdserverpb.KV/Range`, {
        method: "POST",
        headers: { "content-type": "application/grpc" },
        body: key,
      });
      return response.status;
    });
    expect(statuses).toEqual([404, 404]);
    for (const noise of [
      "\0\0\0\0",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise noise noise",
      "GET / HTTP/9.9\r\n\r\n",
      "\x16\x03\x01",
    ]) {
      const socket = connect(Number(new URL(ours.url).port), "127.0.0.1");
      socket.on("error", () => socket.destroy());
      socket.end(noise, "latin1");
      socket.resume();
      await once(socket, "close");
    }
    expect(await ours.client.kv.range({ key: "k" })).toHaveProperty("header");
  });
});
