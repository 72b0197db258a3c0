// Which of several servers is asked when one of them fails.
import { createSimulatedClock } from "@coxswain/clock/testing";
import { expect, test } from "vitest";
import { ClientError } from "../errors.ts";
import { SilentServer } from "./patience.ts";
import { createServers } from "./servers.ts";
import type { Servers } from "./servers.ts";
import type { Exchange, OutgoingRequest } from "./transport.ts";

/** Two servers; every request to the first is lost for this cause. */
function twoServers(cause: Error): { readonly servers: Servers; readonly asked: string[] } {
  const asked: string[] = [];
  const server = (name: string, answer: () => Promise<Exchange>) => ({
    url: new URL(`https://${name}:6443`),
    transport: {
      send({ method }: OutgoingRequest): Promise<Exchange> {
        asked.push(`${method} ${name}`);
        return answer();
      },
      close: () => undefined,
    },
  });
  const exchange: Exchange = { status: 200, headers: {}, body: (async function* () {})() };
  const lost = (): Promise<Exchange> => Promise.reject(new ClientError("connection-lost", "lost", { cause }));
  const servers = createServers(
    [server("first", lost), server("second", () => Promise.resolve(exchange))],
    createSimulatedClock(),
  );
  return { servers, asked };
}

const request = (method: string): OutgoingRequest => ({
  method,
  target: "/",
  headers: {},
  body: undefined,
  signal: undefined,
});

test("a server that says nothing any more is not asked again", async () => {
  const { servers, asked } = twoServers(new SilentServer("no answer to a ping"));
  await servers.send(request("GET"));
  expect(asked).toEqual(["GET first", "GET second"]);
});

test("after a write that a silent server may have had, the next one goes elsewhere", async () => {
  const { servers, asked } = twoServers(new SilentServer("no answer to a ping"));
  await expect(servers.send(request("PUT"))).rejects.toMatchObject({ code: "connection-lost" });
  await servers.send(request("PUT"));
  expect(asked).toEqual(["PUT first", "PUT second"]);
});

test("a server that hung up is asked once more, for a connection may just have been old", async () => {
  const { servers, asked } = twoServers(new Error("stream reset"));
  await servers.send(request("GET"));
  expect(asked).toEqual(["GET first", "GET first", "GET second"]);
});
