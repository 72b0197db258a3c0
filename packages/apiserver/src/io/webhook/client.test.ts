// The connections to webhooks, against a server that counts them. What is said of failures: `test/protocol/api-admission.test.ts`.
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { systemClock } from "@coxswain/clock";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createAuthority, openAuthority } from "@coxswain/pki";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import { createHookClient } from "./client.ts";

const dayMs = 86_400_000;
const crowd = 25;
let stop: () => Promise<void>;
let caBundle: string;
let url: string;
let connections = 0;
const asked: string[] = [];

/** A webhook that answers when a whole crowd has asked, so that each of them needs a connection. */
beforeAll(async () => {
  const authority = await openAuthority(await createAuthority("hooks", dayMs, systemClock), systemClock);
  const leaf = await authority.issue({
    commonName: "hook",
    usages: ["server"],
    hosts: ["127.0.0.1"],
    validityMs: dayMs,
  });
  let waiting: (() => void)[] = [];
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (request, response) => {
    request.resume();
    asked.push(request.url ?? "");
    waiting.push(() => response.end("{}"));
    if (waiting.length < crowd) return;
    for (const answer of waiting) answer();
    waiting = [];
  });
  server.keepAliveTimeout = 0;
  server.on("secureConnection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  caBundle = Buffer.from(authority.certificate).toString("base64");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  stop = () => new Promise((resolve) => server.close(() => resolve()));
});
afterAll(() => stop());

it("as many connections are kept as client-go keeps: a second crowd needs no new ones", async () => {
  const client = createHookClient({ objects: createMemoryObjects(), clock: systemClock });
  const ask = (): Promise<unknown> => client.post({ url, caBundle }, {}, 30);
  for (const _round of ["first", "second"]) await Promise.all(Array.from({ length: crowd }, ask));
  await client.stop();
  expect(connections).toBe(crowd);
});

it.each([
  ["its own time when the request has more", 10, 60_000, "10s"],
  ["what is left of the request's, rounded up", 10, 2500, "3s"],
])("a webhook is told %s", async (_what, seconds, leftMs, wanted) => {
  const clock = createSimulatedClock(0);
  const client = createHookClient({ objects: createMemoryObjects(), clock });
  asked.length = 0;
  const ask = (): Promise<unknown> =>
    client.post({ url, caBundle }, {}, seconds, undefined, clock.monotonic() + leftMs);
  await Promise.all(Array.from({ length: crowd }, ask));
  await client.stop();
  expect(new Set(asked)).toEqual(new Set([`/?timeout=${wanted}`]));
});
