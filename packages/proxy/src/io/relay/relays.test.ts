// Real sockets on the loopback interface: relays carry bytes both ways, and take turns.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock as clock } from "@coxswain/clock";
import { relayKey } from "../../core/portals.ts";
import { testPort } from "../../../testing/service-port.ts";
import { createRelays } from "./relays.ts";

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

const relays = () => {
  const made = createRelays("ipv4", { clock });
  closing.push(() => made.stop());
  return made;
};

/** Answers each connection with its name and what it was sent, once the client has ended its side. */
async function backend(name: string): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => socket.end(`${name}:${text}`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk) => (answer += String(chunk)));
  socket.end(text);
  await once(socket, "close");
  return answer;
}

const at = (...ports: readonly number[]) => ports.map((port) => ({ address: "127.0.0.1", port }));

describe("relays", () => {
  it("a TCP relay takes its backends in turn, carries both directions, and passes over one that does not answer", async () => {
    const [one, two, gone] = [await backend("one"), await backend("two"), await backend("gone")];
    closing.pop()?.();
    const made = relays();
    const service = testPort({ backends: at(one, two) });
    const port = (await made.update([service])).get(relayKey(service, "cluster")) ?? 0;
    const answers = [await ask(port, "a"), await ask(port, "b"), await ask(port, "c"), await ask(port, "d")];
    expect(answers.slice(0, 2).sort()).toEqual(answers[0] === "one:a" ? ["one:a", "two:b"] : ["one:b", "two:a"]);
    expect(answers.slice(2).map((text) => text.slice(0, 3))).toEqual(
      answers.slice(0, 2).map((text) => text.slice(0, 3)),
    );
    expect(await made.update([{ ...service, backends: at(one, gone) }])).toEqual(
      new Map([[relayKey(service, "cluster"), port]]),
    );
    expect([await ask(port, "e"), await ask(port, "f"), await ask(port, "g")]).toEqual(["one:e", "one:f", "one:g"]);
    expect(await made.update([{ ...service, backends: at(gone) }])).toEqual(
      new Map([[relayKey(service, "cluster"), port]]),
    );
    await expect(ask(port, "h")).rejects.toThrow("ECONNRESET");
    expect(await made.update([])).toEqual(new Map());
    await expect(ask(port, "i")).rejects.toThrow("ECONNREFUSED");
  });

  it("a UDP relay keeps a client with its backend and brings the answers back", async () => {
    const echo = async (name: string): Promise<number> => {
      const socket = createSocket("udp4");
      socket.on("message", (text, from) => socket.send(`${name}:${text.toString()}`, from.port, from.address));
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      closing.push(() => socket.close());
      return socket.address().port;
    };
    const service = testPort({ protocol: "udp", backends: at(await echo("one"), await echo("two")) });
    const port = (await relays().update([service])).get(relayKey(service, "cluster")) ?? 0;
    const client = () => {
      const socket = createSocket("udp4");
      closing.push(() => socket.close());
      return async (text: string): Promise<string> => {
        socket.send(text, port, "127.0.0.1");
        const [answer] = (await once(socket, "message")) as [Buffer];
        return answer.toString();
      };
    };
    const [first, second] = [client(), client()];
    const [a, b] = [(await first("a")).slice(0, 3), (await second("b")).slice(0, 3)];
    expect([a, b].sort()).toEqual(["one", "two"]);
    expect([await first("c"), await second("d")]).toEqual([`${a}:c`, `${b}:d`]);
  });
});
