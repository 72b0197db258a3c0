import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock as clock } from "@coxswain/clock";
import { createFakeRuntime } from "@coxswain/container-runtime/testing";
import { runHandler } from "./hooks.ts";

const server = createServer((request, response) => {
  const places: Readonly<Record<string, string>> = {
    "/moved": "/good?x=1",
    "/gone": `http://127.0.0.1:${port()}/bad`,
    "/away": "http://192.0.2.1/",
    "/round": "/round",
  };
  const location = places[request.url ?? ""];
  if (location !== undefined) response.writeHead(302, { location }).end("Found");
  else response.writeHead(request.url === "/good?x=1" ? 200 : 500).end();
});
const port = (): number => (server.address() as AddressInfo).port;
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

test.each([
  ["/moved", { ok: true, message: "" }],
  ["gone", { ok: false, message: "HTTP probe failed with statuscode: 500" }],
  ["/away", { ok: true, message: "Probe terminated redirects, Response body: Found" }],
  ["/round", { ok: false, message: 'Get "http://127.0.0.1:PORT/round": stopped after 10 redirects' }],
])("a probe of %s follows the host's own redirections to their end, and no other", async (path, expected) => {
  const target = { containerId: "c", container: { name: "main" }, podIP: "127.0.0.1" };
  const ports = { clock, runtime: createFakeRuntime({ clock }) };
  const action = { httpGet: { port: port(), path } };
  const outcome = await runHandler(ports, action, target, 20_000, new AbortController().signal);
  expect({ ok: outcome.ok, message: outcome.message.replace(String(port()), "PORT") }).toEqual(expected);
});

test("a command that begins after its time is cut off", async () => {
  const runtime = createFakeRuntime({ clock });
  const begun = Promise.withResolvers<void>();
  let closed = false;
  const endless = {
    ...{ stdin: undefined, stdout: new PassThrough(), stderr: undefined, resize: async () => undefined },
    exitCode: new Promise<number>(() => undefined),
    close: () => void (closed = true),
  };
  const slow = { ...runtime, exec: () => begun.promise.then(() => endless) };
  const target = { containerId: "c", container: { name: "main" }, podIP: "127.0.0.1" };
  const never = new AbortController().signal;
  const looked = runHandler({ clock, runtime: slow }, { exec: { command: ["look"] } }, target, 10, never);
  await clock.sleep(50);
  begun.resolve();
  expect(await looked).toMatchObject({ ok: false, message: 'command "look" timed out' });
  expect(closed).toBe(true);
});
