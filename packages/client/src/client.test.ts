// The client against small HTTP servers in this process.
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { pods } from "@coxswain/api/core/v1";
import { systemClock } from "@coxswain/clock";
import { createClient } from "./create-client.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const clientOf = (...urls: readonly string[]) =>
  createClient({ servers: urls, userAgent: "test", token: { data: "secret" } }, { clock: systemClock });
const refused = "http://127.0.0.1:1";

describe("a client", () => {
  it("names paths, queries and content types as Kubernetes does", async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(
        `${request.method} ${request.url} ${request.headers["content-type"] ?? ""} ${request.headers.authorization}`,
      );
      response.end("{}");
    });
    const client = clientOf(url);
    const resource = client.resource(pods);
    await resource.list({ labelSelector: "app in (a,b)", limit: 5 });
    await resource.patch({ namespace: "n", name: "p" }, {}, { type: "apply", fieldManager: "me", force: true });
    await resource.createSubresource({ namespace: "n", name: "p" }, "binding", {});
    await resource.delete({ namespace: "n", name: "p" });
    expect(seen).toEqual([
      "GET /api/v1/pods?labelSelector=app%20in%20(a%2Cb)&limit=5  Bearer secret",
      "PATCH /api/v1/namespaces/n/pods/p?fieldManager=me&force=true application/apply-patch+yaml Bearer secret",
      "POST /api/v1/namespaces/n/pods/p/binding application/json Bearer secret",
      "DELETE /api/v1/namespaces/n/pods/p  Bearer secret",
    ]);
    await client.close();
  });

  it("throws what the server says, and a Status of its own making for a stranger's answer", async () => {
    const url = await serve((request, response) => {
      response.statusCode = request.url?.includes("gone") ? 410 : 502;
      response.end(
        response.statusCode === 410
          ? JSON.stringify({ kind: "Status", reason: "Expired", message: "too old", code: 410 })
          : "<html>",
      );
    });
    const client = clientOf(url);
    await expect(client.resource(pods).get({ namespace: "n", name: "gone" })).rejects.toMatchObject({
      status: { reason: "Expired", message: "too old" },
    });
    await expect(client.resource(pods).get({ namespace: "n", name: "x" })).rejects.toMatchObject({
      status: { code: 502, message: "GET /api/v1/namespaces/n/pods/x: 502 <html>" },
    });
    await client.close();
  });

  it("goes to the next server when one cannot be reached, and stays there", async () => {
    const url = await serve((_request, response) => response.end('{"items":[]}'));
    const client = clientOf(refused, url);
    await client.resource(pods).list();
    expect(client.server()).toBe(url);
    await expect(clientOf(refused).resource(pods).list()).rejects.toMatchObject({ code: "connection-failed" });
    await client.close();
  });

  it("does not send a write again whose answer was lost, but reads again", async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(request.method ?? "");
      if (seen.filter((method) => method === request.method).length === 1) response.destroy();
      else response.end('{"items":[]}');
    });
    const client = clientOf(url);
    await client.resource(pods).list();
    const pod = { apiVersion: "v1" as const, kind: "Pod" as const, metadata: { name: "p", namespace: "n" } };
    await expect(client.resource(pods).create(pod)).rejects.toMatchObject({ code: "connection-lost" });
    expect(seen).toEqual(["GET", "GET", "POST"]);
    await client.close();
  });

  it("waits when it is asked to", async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      if (asked++ === 0) response.writeHead(429, { "retry-after": "0" }).end("{}");
      else response.end('{"items":[]}');
    });
    const client = clientOf(url);
    await client.resource(pods).list();
    expect(asked).toBe(2);
    await client.close();
  });

  it("yields a watch's events however they are cut up, ends with the stream and throws its ERROR", async () => {
    const lines = [
      '{"type":"ADDED","object":{"metadata":{"name":"ä"}}}\n',
      '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n',
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}\n',
    ].join("");
    const url = await serve((_request, response) => {
      const bytes = Buffer.from(lines);
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    });
    const client = clientOf(url);
    const seen: string[] = [];
    const watch = async (): Promise<void> => {
      for await (const event of client.resource(pods).watch({ signal: new AbortController().signal })) {
        seen.push(`${event.type} ${event.object.metadata.name ?? event.object.metadata.resourceVersion}`);
      }
    };
    await expect(watch()).rejects.toMatchObject({ status: { reason: "Expired" } });
    expect(seen).toEqual(["ADDED ä", "BOOKMARK 7"]);
    await client.close();
  });
});
