import { createServer } from "node:http";
import type { Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { StatusError } from "@coxswain/apimachinery";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { failureText } from "./handler.ts";
import type { RawResponse } from "./outgoing.ts";
import { webSocketResponse } from "./web-socket-response.ts";

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => void (server ? server.close(() => resolve()) : resolve())));

/** A server that answers every WebSocket with what `answer` writes. */
async function serving(content: "watch" | "log", answer: (response: RawResponse) => void): Promise<string> {
  server = createServer();
  server.on("upgrade", (raw, socket, head: Buffer) => {
    webSocketResponse(raw, socket, head, content).then(answer, (error: unknown) => {
      socket.end(error instanceof StatusError ? failureText(error.status) : undefined);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

interface Heard {
  readonly protocol: string;
  readonly messages: readonly { readonly text: string; readonly isBinary: boolean }[];
  readonly code: number;
}

async function heard(url: string, protocols: string[]): Promise<Heard> {
  const client = new WebSocket(url, protocols);
  const messages: { text: string; isBinary: boolean }[] = [];
  client.on("message", (data: Buffer, isBinary) => messages.push({ text: data.toString(), isBinary }));
  const code = await new Promise<number>((resolve, reject) => client.on("close", resolve).on("error", reject));
  return { protocol: client.protocol, messages, code };
}

test("events of a watch are messages of text, however many are written at once", async () => {
  const url = await serving("watch", (response) => {
    response.flushHeaders();
    response.write('{"type":"ADDED"}\n{"type":"MODIFIED"}\n');
    response.end('{"type":"DELETED"}\n');
  });
  const text = (type: string): object => ({ text: `{"type":"${type}"}\n`, isBinary: false });
  expect(await heard(url, ["base64url.bearer.authorization.k8s.io.c2VjcmV0", "base64.binary.k8s.io"])).toEqual({
    protocol: "base64.binary.k8s.io",
    messages: [text("ADDED"), text("MODIFIED"), text("DELETED")],
    code: 1000,
  });
});

test.each([
  { offered: [], protocol: "", message: { text: "container is alive\n", isBinary: true } },
  { offered: ["binary.k8s.io"], protocol: "binary.k8s.io", message: { text: "container is alive\n", isBinary: true } },
  {
    offered: ["base64.binary.k8s.io"],
    protocol: "base64.binary.k8s.io",
    message: { text: "Y29udGFpbmVyIGlzIGFsaXZlCg==", isBinary: false },
  },
])("a log is pieces in the protocol that the client offers: $offered", async ({ offered, protocol, message }) => {
  const url = await serving("log", (response) => {
    response.flushHeaders();
    response.end("container is alive\n");
  });
  expect(await heard(url, offered)).toEqual({ protocol, messages: [message], code: 1000 });
});

test("a client that speaks none of the protocols is refused before the handshake", async () => {
  const url = await serving("log", (response) => response.end());
  await expect(heard(url, ["other.example.com"])).rejects.toThrow("Unexpected server response: 400");
});

test("an answer is over when its client leaves", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const url = await serving("watch", (response) => {
    response.on("close", resolve);
    response.flushHeaders();
  });
  const client = new WebSocket(url);
  await once(client, "open");
  client.close();
  await promise;
});
