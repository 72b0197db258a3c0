// A session whose server goes without a word, under a clock that is moved by hand.
import { createServer } from "node:http2";
import { connect, createServer as createWire } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createHttp2Session } from "./http2.ts";
import { withOthers } from "./patience.ts";
import type { Exchange, OutgoingRequest } from "./transport.ts";

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

describe("a connection that has fallen silent", () => {
  it("is given up after two times two seconds when there are other servers, and says that the answer is lost", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/answered") response.end("ok");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    let silent = false;
    const wire = createWire((near) => {
      const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
      near.on("data", (chunk) => silent || far.write(chunk)).on("close", () => far.destroy());
      far.on("data", (chunk) => silent || near.write(chunk)).on("close", () => near.destroy());
    });
    await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
    const { port } = wire.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const clock = createSimulatedClock();
    const session = createHttp2Session(new URL(`http://127.0.0.1:${port}`), socket, clock, withOthers);
    closing.push(
      () => session.close(),
      () => wire.close(),
      () => server.close(),
    );
    const get = (target: string): Promise<Exchange> => {
      const request: OutgoingRequest = { method: "GET", target, headers: {}, body: undefined, signal: undefined };
      return session.send(request);
    };
    expect((await get("/answered")).status).toBe(200);

    const lost = get("/never").then(
      () => "answered",
      (error: unknown) => (error as { code: string }).code,
    );
    silent = true;
    await clock.advance(2000);
    await clock.advance(2000);
    expect(session.usable()).toBe(true);
    await clock.advance(250);
    expect(session.usable()).toBe(false);
    expect(await lost).toBe("connection-lost");
  });
});
