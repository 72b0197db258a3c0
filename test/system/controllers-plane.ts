// A control plane with the controller manager as a real process, nodes that are only objects, and a gate between the two that keeps a
// record: who asked for what, and what was refused. The gate also answers for metrics APIs that nobody serves here.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { Agent, createServer, request } from "node:https";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { join } from "node:path";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import { freePort, startControlPlane } from "../protocol/control-plane.ts";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";

export interface Call {
  /** "system:serviceaccount:kube-system:job-controller"; "" for the controller manager itself. */
  readonly user: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface ControllersPlane extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly calls: readonly Call[];
  /** What a GET on a path is answered with at the gate, instead of by the apiserver. */
  readonly answers: Map<string, unknown>;
  /** Pods whose node is one of these are made Running and Ready, and vanish when deleted. */
  readonly nodes: Set<string>;
  /** What a pod becomes instead of Running and Ready. */
  outcome: (pod: HollowPod) => unknown;
  restart(): Promise<void>;
}

export interface HollowPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

const host = "127.0.0.1";

export async function startControllersPlane(flags: readonly string[] = []): Promise<ControllersPlane> {
  const plane = await startControlPlane();
  const calls: Call[] = [];
  const answers = new Map<string, unknown>();
  const gate = createGate(plane, calls, answers);
  const gatePort = await freePort();
  await new Promise<void>((resolve) => gate.server.listen(gatePort, host, resolve));
  const kubeconfig = join(plane.dir, "controller-manager.conf");
  writeKubeconfig({
    file: kubeconfig,
    server: `https://${host}:${gatePort}`,
    authorityFile: plane.pki.authorityFile("kubernetes-ca"),
    user: "system:kube-controller-manager",
    certificate: plane.pki.files("test", "controller-manager"),
  });
  const log = join(plane.dir, "controller-manager.log");
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const port = await freePort();
    const serving = plane.pki.files("test", "controller-manager");
    const args = [
      `--kubeconfig=${kubeconfig}`,
      `--secure-port=${port}`,
      `--bind-address=${host}`,
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${plane.pki.authorityFile("kubernetes-ca")}`,
      `--root-ca-file=${plane.pki.authorityFile("kubernetes-ca")}`,
      `--cluster-signing-cert-file=${plane.pki.authorityFile("kubernetes-ca")}`,
      `--cluster-signing-key-file=${plane.pki.authorityKeyFile("kubernetes-ca")}`,
      `--service-account-private-key-file=${plane.pki.serviceAccountKey.privateKey}`,
      "--leader-elect-lease-duration=10s",
      "--leader-elect-renew-deadline=8s",
      "--leader-elect-retry-period=1s",
      ...flags,
    ];
    const started = spawn(process.execPath, [daemonEntry("controller-manager"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    const file = createWriteStream(log, { flags: "a" });
    started.stdout.pipe(file, { end: false });
    started.stderr.pipe(file, { end: false });
    await eventually("the controllers lead", 60_000, async () => {
      if (started.exitCode !== null) throw new Error(`they ended: ${readFileSync(log, "utf8").slice(-3000)}`);
      const account = await plane.call("GET", "/api/v1/namespaces/default/serviceaccounts/default");
      return account.status === 200 ? true : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(log, "utf8").slice(-3000)}`, { cause: error });
    });
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const gone = new Promise((resolve) => dying.once("exit", resolve));
    dying.kill(signal);
    await gone;
  };
  const ending = new AbortController();
  const controllers: ControllersPlane = {
    plane,
    calls,
    answers,
    nodes: new Set(),
    outcome: ready,
    async restart() {
      await stop("SIGKILL");
      await start();
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await agents;
      await stop("SIGTERM");
      gate.server.closeAllConnections();
      await new Promise((resolve) => gate.server.close(resolve));
      gate.close();
      await plane[Symbol.asyncDispose]();
    },
  };
  const agents = Promise.all([pretendNodes(controllers, ending.signal), beat(controllers, ending.signal)]);
  try {
    await start();
  } catch (error) {
    await controllers[Symbol.asyncDispose]();
    throw error;
  }
  return controllers;
}

/** Passes requests on as whom they come from, and writes them down. */
function createGate(
  plane: ControlPlane,
  calls: Call[],
  answers: ReadonlyMap<string, unknown>,
): { readonly server: Server; close(): void } {
  const serving = plane.pki.files("test", "apiserver");
  const own = plane.pki.files("test", "controller-manager");
  const { ca } = plane.tls;
  const asManager = new Agent({ ca, cert: readFileSync(own.cert), key: readFileSync(own.key), keepAlive: true });
  const asNobody = new Agent({ ca, keepAlive: true });

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { method = "GET", url = "/", headers } = incoming;
    const token = headers.authorization?.replace("Bearer ", "");
    const path = url.split("?")[0] ?? url;
    const user = token === undefined ? "" : subjectOf(token);
    const canned = method === "GET" ? answers.get(path) : undefined;
    if (canned !== undefined) {
      calls.push({ user, method, path, status: 200 });
      outgoing.setHeader("content-type", "application/json").end(JSON.stringify(canned));
      return;
    }
    const agent = token === undefined ? asManager : asNobody;
    const upstream = request({ agent, host, port: plane.servers[0]?.port, method, path: url, headers }, (answer) => {
      calls.push({ user, method, path, status: answer.statusCode ?? 0 });
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      outgoing.on("close", () => answer.destroy());
    });
    upstream.on("error", () => outgoing.destroy());
    outgoing.on("close", () => upstream.destroy());
    incoming.pipe(upstream);
  };
  const server = createServer({ cert: readFileSync(serving.cert), key: readFileSync(serving.key) }, pass);
  return {
    server,
    close() {
      asManager.destroy();
      asNobody.destroy();
    },
  };
}

function subjectOf(token: string): string {
  const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    readonly sub?: string;
  };
  return payload.sub ?? "";
}

/** What is true of a pod that runs well. */
export function ready(): unknown {
  const since = now().replace(/\.\d+Z$/, "Z");
  const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: since,
  }));
  return { phase: "Running", startTime: since, podIP: "10.244.0.9", podIPs: [{ ip: "10.244.0.9" }], conditions };
}

const now = (): string => new Date(performance.timeOrigin + performance.now()).toISOString();

/** Says that nodes live, as their agents would; one that was given up in between is well again. */
async function beat(controllers: ControllersPlane, signal: AbortSignal): Promise<void> {
  const { plane, nodes } = controllers;
  while (!signal.aborted) {
    await Promise.all([...nodes].map((name) => renewLease(plane, name).catch(() => undefined)));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function renewLease(plane: ControlPlane, name: string): Promise<void> {
  const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  const spec = { holderIdentity: name, renewTime: now().replace("Z", "000Z") };
  const headers = { "content-type": "application/merge-patch+json" };
  const { status } = await plane.call("PATCH", `${path}/${name}`, { headers, body: { spec } });
  const conditions = [{ type: "Ready", status: "True", reason: "Hollow", message: "" }];
  const node = await plane.call("GET", `/api/v1/nodes/${name}`);
  if (node.text.includes('"Unknown"'))
    await plane.call("PATCH", `/api/v1/nodes/${name}/status`, { headers, body: { status: { conditions } } });
  if (status !== 404) return;
  const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name }, spec };
  await plane.call("POST", path, { body: lease });
}

/** One that has not begun, or that was marked while its node was silent. */
function isBehind({ status: { phase = "Pending", conditions = [] } = {} }: HollowPod): boolean {
  return (
    phase === "Pending" ||
    (phase === "Running" && conditions.some(({ type, status }) => type === "Ready" && status === "False"))
  );
}

/** Plays scheduler and node agents: binds, runs and removes pods, round by round. */
async function pretendNodes(controllers: ControllersPlane, signal: AbortSignal): Promise<void> {
  const { plane, nodes } = controllers;
  let turn = 0;
  while (!signal.aborted) {
    const list = await plane.call("GET", "/api/v1/pods").catch(() => undefined);
    for (const pod of (list?.status === 200 ? list.body.items : []) as unknown as readonly HollowPod[]) {
      const { name, namespace, deletionTimestamp } = pod.metadata;
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const [first] = [...nodes].slice(turn++ % Math.max(1, nodes.size));
      if (deletionTimestamp !== undefined) {
        if (pod.spec.nodeName === undefined || nodes.has(pod.spec.nodeName))
          await plane.call("DELETE", path, {
            body: { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 },
          });
      } else if (pod.spec.nodeName === undefined) {
        if (first === undefined) continue;
        const target = { apiVersion: "v1", kind: "Node", name: first };
        await plane.call("POST", `${path}/binding`, {
          body: { apiVersion: "v1", kind: "Binding", metadata: { name }, target },
        });
      } else if (nodes.has(pod.spec.nodeName) && isBehind(pod)) {
        const headers = { "content-type": "application/merge-patch+json" };
        await plane.call("PATCH", `${path}/status`, { headers, body: { status: controllers.outcome(pod) } });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
