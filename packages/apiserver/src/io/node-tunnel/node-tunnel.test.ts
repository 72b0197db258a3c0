import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { StatusError, type ApiObject } from "@coxswain/apimachinery";
import { systemClock } from "@coxswain/clock";
import { createAuthority, openAuthority } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMemoryObjects, type MemoryObjects } from "../../../testing/memory-objects.ts";
import { readRequestInfo } from "../../core/request-info.ts";
import type { Tunnel } from "../http/tunnel.ts";
import { createNodeTunnel } from "./tunnel.ts";

const user = { username: "jane", groups: [] };
const dayMs = 86_400_000;
const servers: Server[] = [];
let objects: MemoryObjects;
let tunnel: Tunnel;
let front: number;
const seen: string[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A node agent that writes down what it is asked, and an apiserver that is nothing but the tunnel. */
beforeAll(async () => {
  const authority = await openAuthority(await createAuthority("nodes", dayMs, systemClock), systemClock);
  const serving = await authority.issue({
    commonName: "system:node:n1",
    usages: ["server"],
    hosts: ["127.0.0.1"],
    validityMs: dayMs,
  });
  const client = await authority.issue({
    commonName: "kube-apiserver-kubelet-client",
    usages: ["client"],
    validityMs: dayMs,
  });
  const agent = createHttpsServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url?.includes("/waiting"))
        response.writeHead(400).end('container "waiting" in pod "web" is waiting to start: ContainerCreating');
      else response.end("line 1\nline 2\n");
    },
  );
  agent.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
    seen.push(
      `upgrade ${request.url} ${request.headers.authorization ?? "-"} ${request.headers["sec-websocket-protocol"] ?? "-"}`,
    );
    if (request.url?.includes("command=refuse")) {
      // As a careless server does it: it refuses and would go on talking.
      socket.write("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nnot found");
      socket.on("data", (chunk: Buffer) => seen.push(`after a refusal: ${chunk.toString()}`));
      return;
    }
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
    socket.write(head);
    socket.on("data", (chunk: Buffer) => (chunk.toString() === "bye" ? socket.end("exit 3") : socket.write(chunk)));
  });
  const agentPort = await listening(agent);
  const page = createHttpServer((request, response) => {
    if (request.url === "/page")
      return void response.writeHead(200, { "content-type": "text/html", "content-length": 13 }).end('<a href="/b">');
    if (request.url === "/old") return void response.writeHead(302, { location: "/new?x=1" }).end();
    response.writeHead(201, { "x-page": "yes" });
    request
      .on("data", (chunk: Buffer) =>
        response.write(`${request.method} ${request.url} ${request.headers.authorization ?? "-"} ${chunk.toString()}`),
      )
      .on("end", () => response.end());
  });
  const pagePort = await listening(page);

  objects = createMemoryObjects({
    nodes: [node("n1", agentPort), node("dead", 1)],
    pods: [
      pod("web", { nodeName: "n1", containers: [{ name: "c", ports: [{ name: "http", containerPort: pagePort }] }] }),
      pod("two", { nodeName: "n1", containers: [{ name: "a" }, { name: "b" }] }),
      pod("waiting", { nodeName: "n1", containers: [{ name: "waiting" }] }),
      pod("lost", { nodeName: "dead", containers: [{ name: "c" }] }),
      pod("young", { containers: [{ name: "c" }] }),
    ],
  });
  tunnel = createNodeTunnel({
    reader: objects,
    tls: () => ({ cert: client.certificate, key: client.key, ca: authority.certificate }),
  });
  const server = createHttpServer((request, response) => {
    const asked = ask(request);
    tunnel.serve(asked, request, response, new AbortController().signal).catch((error: unknown) => {
      if (!(error instanceof StatusError)) throw error;
      response.writeHead(error.status.code).end(error.message);
    });
  });
  server.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
    tunnel
      .upgrade(ask(request), request, socket, head)
      .catch((error: Error) => socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${error.message}`));
  });
  front = await listening(server);
});

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function node(name: string, port: number): ApiObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  } as ApiObject;
}

function pod(name: string, spec: object): ApiObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop" },
    spec,
    status: { podIP: "127.0.0.1", phase: "Running" },
  } as ApiObject;
}

function ask(request: IncomingMessage) {
  const url = new URL(request.url ?? "", "http://x");
  const info = readRequestInfo(request.method ?? "GET", url.pathname, url.searchParams);
  const object = objects.view({ group: "", resource: "pods" }).get(info.namespace, info.name.split(":")[0] ?? "");
  if (object === undefined) throw new Error(`no pod ${info.name}`);
  return { info, user, query: url.searchParams, object };
}

async function get(path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${front}/api/v1/namespaces/shop/pods/${path}`, {
    redirect: "manual",
    ...init,
  });
  return `${response.status} ${await response.text()}`;
}

describe("logs", () => {
  test("come from the pod's node, with the options that the node knows", async () => {
    expect(await get("web/log?follow=true&tailLines=10&timestamps=false")).toBe("200 line 1\nline 2\n");
    expect(seen.at(-1)).toBe("GET /containerLogs/shop/web/c?follow=true&tailLines=10");
  });

  test("are refused in Kubernetes' words", async () => {
    expect(await get("two/log")).toBe("400 a container name must be specified for pod two, choose one of: [a b]");
    expect(await get("web/log?container=x")).toBe("400 container x is not valid for pod web");
    expect(await get("waiting/log")).toBe(
      '400 container "waiting" in pod "web" is waiting to start: ContainerCreating',
    );
    expect(await get("lost/log")).toBe(
      '500 Get "https://127.0.0.1:1/containerLogs/shop/lost/c": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    expect(await get("young/log")).toBe("204 ");
    for (const query of ["", "?command=x"])
      expect(await get(`young/exec${query}`)).toBe("400 pod young does not have a host assigned");
    expect(await get("web/exec?container=x")).toBe("400 container x is not valid for pod web");
    expect(await get("web/exec")).toBe('422 PodExecOptions "web" is invalid: command: Required value');
    expect(await get("web/exec?command=x")).toBe("400 Upgrade request required");
  });
});

describe("an upgrade", () => {
  test("is passed through both ways, without what was meant for the apiserver, to its last byte", async () => {
    const socket = connect(front, "127.0.0.1");
    socket.write(
      "POST /api/v1/namespaces/shop/pods/web/exec?command=sh&command=-c&stdin=true&stdout=true&container=c HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n" +
        "Sec-WebSocket-Protocol: v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nearly ",
    );
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await expect.poll(() => text.endsWith("early ")).toBe(true);
    socket.write("bye");
    await new Promise((resolve) => socket.on("close", resolve));
    expect([seen.at(-1), text.split("\r\n").at(0), text.split("\r\n").at(-1)]).toEqual([
      "upgrade /exec/shop/web/c?input=1&output=1&command=sh&command=-c - v5.channel.k8s.io",
      "HTTP/1.1 101 Switching Protocols",
      "early exit 3",
    ]);
  });
});

describe("an upgrade that is refused", () => {
  test("is answered as it was refused, and the connection leads nowhere afterwards", async () => {
    const socket = connect(front, "127.0.0.1");
    socket.write(
      "POST /api/v1/namespaces/shop/pods/web/exec?command=refuse&stdout=true HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n",
    );
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      if (text === "") socket.write("GET /pods HTTP/1.1\r\nHost: x\r\n\r\n");
      text += chunk.toString();
    });
    await new Promise((resolve) => socket.on("close", resolve));
    expect([text, seen.filter((line) => line.startsWith("after"))]).toEqual([
      "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 9\r\n\r\nnot found",
      [],
    ]);
  });

  test("or none at all is told that one is needed", async () => {
    expect(await get("web/exec?command=ls&stdout=True")).toBe("400 Upgrade request required");
    expect(await get("web/exec?command=ls&stdout=False")).toBe(
      "400 you must specify at least 1 of stdin, stdout, stderr",
    );
  });
});

describe("the proxy", () => {
  test("leads a redirect through itself, and says so when nobody listens", async () => {
    const response = await fetch(`http://127.0.0.1:${front}/api/v1/namespaces/shop/pods/web/proxy/old`, {
      redirect: "manual",
    });
    expect([response.status, response.headers.get("location")]).toEqual([
      302,
      "/api/v1/namespaces/shop/pods/web/proxy/new?x=1",
    ]);
    expect(await get("web:1/proxy/")).toBe(
      "503 error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused",
    );
  });

  test("leads the links of a page through itself", async () => {
    expect(await get("web:http/proxy/page")).toBe('200 <a href="/api/v1/namespaces/shop/pods/web:http/proxy/b">');
  });

  test("passes method, path, query and body on to the pod's port, by name or number", async () => {
    const init = { method: "POST", body: "body", headers: { authorization: "Bearer secret" } };
    expect(await get("web:http/proxy/a%20b/c?x=1", init)).toBe("201 POST /a%20b/c?x=1 - body");
    expect(await get("web/proxy/", init)).toBe("201 POST / - body");
  });

  test("asks browsers to end the page's address with a slash", async () => {
    expect(await get("web/proxy")).toBe("301 ");
  });
});
