// What the benchmarks of the apiserver share: a control plane of their own, so that no scheduler or node agent works along, and a
// client that costs as little as possible, since it runs on the same cores.
import { connect } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { readFileSync } from "node:fs";
import type { ControlPlane } from "../../test/protocol/control-plane.ts";
import type { Figure } from "../bench.ts";
import { summarize } from "../bench.ts";

export interface Load extends Disposable {
  call(method: string, path: string, body?: string): Promise<{ readonly status: number; readonly bytes: number }>;
  /** A stream of its own, for watches. */
  open(path: string): ClientHttp2Stream;
}

export function createLoad(plane: ControlPlane, connections: number): Load {
  const url = `https://127.0.0.1:${plane.servers[0]?.port}`;
  const sessions = Array.from({ length: connections }, (): ClientHttp2Session => {
    const session = connect(url, { ...plane.tls, settings: { initialWindowSize: 4 * 1024 * 1024 } });
    session.on("connect", () => session.setLocalWindowSize(64 * 1024 * 1024));
    return session;
  });
  let turn = 0;
  const next = (): ClientHttp2Session => {
    const session = sessions[turn++ % sessions.length];
    if (!session) throw new Error("a load needs a connection");
    return session;
  };
  return {
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers = { ":method": method, ":path": path, "user-agent": "bench", ...(body && json) };
        const stream = next().request(headers, { endStream: body === undefined });
        let status = 0;
        let bytes = 0;
        stream.on("response", (answer) => (status = answer[":status"] ?? 0));
        stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
        stream.on("error", reject);
        stream.on("end", () => (status < 300 ? resolve({ status, bytes }) : reject(new Error(`${path}: ${status}`))));
        if (body !== undefined) stream.end(body);
      }),
    open: (path) => next().request({ ":method": "GET", ":path": path, "user-agent": "bench" }),
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

const json = { "content-type": "application/json" };

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
