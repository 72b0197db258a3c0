// What the benchmarks of the apiserver share: a control plane of their own, so that no scheduler or node agent works along, and a
// client that costs as little as possible, since it runs on the same cores: with `node:http2` a call cost the client more than the server.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { encodeHeaders, Http2Connection } from "@coxswain/etcd-api/http2";
import type { Http2Stream } from "@coxswain/etcd-api/http2";
import type { ControlPlane } from "../../test/protocol/control-plane.ts";
import type { Figure } from "../bench.ts";
import { summarize } from "../bench.ts";

export interface Load extends Disposable {
  call(method: string, path: string, body?: string): Promise<{ readonly status: number; readonly bytes: number }>;
  /** A watch: resolves when its answer has begun; bytes come as they do. */
  watch(path: string, take: (bytes: Buffer) => void): Promise<void>;
}

export async function createLoad(plane: ControlPlane, connections: number): Promise<Load> {
  const port = plane.servers[0]?.port ?? 0;
  const lines = await Promise.all(Array.from({ length: connections }, () => dial(port, plane.tls)));
  const authority = `127.0.0.1:${port}`;
  let turn = 0;
  const begin = (method: string, path: string, body: Buffer | undefined): Http2Stream => {
    const line = lines[turn++ % lines.length];
    if (!line) throw new Error("a load needs a connection");
    const block = encodeHeaders({
      ":method": method,
      ":scheme": "https",
      ":authority": authority,
      ":path": path,
      "user-agent": "bench",
      ...(body && { "content-type": "application/json", "content-length": body.length }),
    });
    const stream = line.request(block, body === undefined);
    if (body !== undefined) stream.sendData(body, true);
    return stream;
  };
  return {
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const stream = begin(method, path, body === undefined ? undefined : Buffer.from(body));
        let status = 0;
        let bytes = 0;
        stream.handler = {
          headers: (headers) => (status = Number(headers[":status"])),
          data: (chunk) => (bytes += chunk.length),
          closed: ({ complete }) =>
            complete && status < 300 ? resolve({ status, bytes }) : reject(new Error(`${path}: ${status}`)),
        };
      }),
    watch: (path, take) =>
      new Promise((resolve, reject) => {
        begin("GET", path, undefined).handler = {
          headers: () => resolve(),
          data: take,
          closed: () => reject(new Error(`${path}: the watch has ended`)),
        };
      }),
    [Symbol.dispose]() {
      for (const line of lines) line.destroy();
    },
  };
}

async function dial(port: number, tls: ControlPlane["tls"]): Promise<Http2Connection> {
  const socket = connect({ host: "127.0.0.1", port, ...tls, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = new Http2Connection(
    socket,
    { role: "client", streamWindowBytes: 4 * 1024 * 1024 },
    { settled: resolve, closed: (error) => reject(error ?? new Error("the connection has ended")) },
  );
  await promise;
  return connection;
}

/** `count` calls with `parallel` in flight: how many in a second, and how long each took. */
export async function timed(
  name: string,
  count: number,
  parallel: number,
  call: (index: number) => Promise<unknown>,
): Promise<readonly Figure[]> {
  const durations: number[] = [];
  let begun = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (begun < count) {
      const calledAt = performance.now();
      await call(begun++);
      durations.push(performance.now() - calledAt);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const perSecond = (count / (performance.now() - startedAt)) * 1000;
  return [{ name: `${name} rate`, unit: "/s", value: perSecond }, ...summarize(name, durations)];
}

export async function createNamespace(load: Load, name: string): Promise<void> {
  await load.call("POST", "/api/v1/namespaces", JSON.stringify({ metadata: { name } }));
  await load.call(
    "POST",
    `/api/v1/namespaces/${name}/serviceaccounts`,
    JSON.stringify({ metadata: { name: "default" } }),
  );
}

/** A pod of everyday size: about 3 kB once it is stored. */
export function pod(name: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "bench", tier: "web" } },
    spec: {
      containers: [
        {
          name: "c",
          image: "registry.example/app:1.2.3",
          ports: [{ containerPort: 8080 }],
          env: [
            { name: "A", value: "1" },
            { name: "B", value: "2" },
          ],
          resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
          livenessProbe: { httpGet: { path: "/healthz", port: 8080 } },
        },
      ],
    },
  });
}

/** A line of /proc/PID/status, in MB. */
export function memoryMb(pid: number, line: "VmRSS" | "VmHWM"): number {
  return (
    (Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024) / 1e6
  );
}
