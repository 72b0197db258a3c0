// A store and some apiservers as real processes with real certificates, on free ports, for tests and measurements that need
// no nodes: unmodified clients talk to them. The store is ours or etcd.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@coxswain/daemon/testing";
import { authorityNames } from "@coxswain/pki";
import { openPki } from "../../scripts/cluster/certificates.ts";
import type { ClusterPki } from "../../scripts/cluster/certificates.ts";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import type { Outcome } from "../system/cluster.ts";
import { run } from "../system/cluster.ts";

export interface ControlPlaneOptions {
  readonly store?: "ours" | "etcd";
  readonly apiservers?: number;
  /** Further flags of the apiservers. */
  readonly flags?: readonly string[];
  /** Flags for Node itself, by daemon. */
  readonly nodeFlagsOf?: (daemon: "store" | "apiserver") => readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: AnswerBody;
}

/** What tests look at in a body; what it really is they find out by looking. */
export interface AnswerBody {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly AnswerBody[];
  readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly nodePort: number }[] };
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details: { readonly causes: readonly { readonly field: string; readonly message: string }[] };
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly server?: number;
}

export interface ApiServer {
  readonly port: number;
  readonly kubeconfig: string;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Starts the process again on the same port. */
  restart(): Promise<void>;
}

export interface ControlPlane extends AsyncDisposable {
  readonly dir: string;
  readonly pki: ClusterPki;
  readonly servers: readonly ApiServer[];
  readonly storePid: number;
  readonly storeUrl: string;
  /** As the administrator, over HTTP/1.1. A body that is no string is sent as JSON. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  kubectl(args: readonly string[], input?: string): Promise<Outcome>;
  must(args: readonly string[], input?: string): Promise<string>;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

const host = "127.0.0.1";
const readyWithinMs = 180_000;

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const dir = mkdtempSync(join(tmpdir(), "coxswain-api-"));
  const pki = await openPki(join(dir, "pki"));
  await pki.ensureControlPlane("test", [host, "localhost"], "10.96.0.1");
  const [storePort, peerPort] = [await freePort(), await freePort()];
  const storeUrl = `https://${host}:${storePort}`;
  const store = launch(join(dir, "store.log"), ...storeCommand(options, dir, pki, storePort, peerPort));
  const agents: Agent[] = [];
  const servers: (ApiServer & { start(): Promise<void> })[] = [];
  const admin = pki.files("test", "admin");
  const tls = {
    ca: readFileSync(pki.authorityFile("kubernetes-ca")),
    cert: readFileSync(admin.cert),
    key: readFileSync(admin.key),
  };
  for (let index = 0; index < (options.apiservers ?? 1); index += 1) {
    const port = await freePort();
    const kubeconfig = join(dir, `admin-${index}.conf`);
    writeKubeconfig({
      file: kubeconfig,
      server: `https://${host}:${port}`,
      authorityFile: pki.authorityFile("kubernetes-ca"),
      user: "kubernetes-admin",
      certificate: admin,
    });
    agents.push(new Agent({ ...tls, keepAlive: true }));
    servers.push(
      apiServer(port, kubeconfig, () =>
        launch(join(dir, `apiserver-${index}.log`), process.execPath, [
          ...(options.nodeFlagsOf?.("apiserver") ?? []),
          daemonEntry("apiserver"),
          ...apiServerFlags(pki, storeUrl, port),
          ...(options.flags ?? []),
        ]),
      ),
    );
  }
  const call: ControlPlane["call"] = (method, path, { headers = {}, body, server = 0 } = {}) =>
    send(agents[server], servers[server]?.port ?? 0, method, path, headers, body);
  const kubectl = (args: readonly string[], input?: string): Promise<Outcome> =>
    run("kubectl", ["--kubeconfig", servers[0]?.kubeconfig ?? "", ...args], input);
  const plane: ControlPlane = {
    dir,
    pki,
    servers,
    storePid: store.pid ?? 0,
    storeUrl,
    tls,
    call,
    kubectl,
    async must(args, input) {
      const { code, stdout, stderr } = await kubectl(args, input);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed with ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) agent.destroy();
      await Promise.all(servers.map((server) => server.stop()));
      await end(store);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(servers.map((server) => server.start()));
  } catch (error) {
    const logs = ["store.log", "apiserver-0.log"]
      .map((name) => readFileSync(join(dir, name), "utf8").slice(-2000))
      .join("");
    await plane[Symbol.asyncDispose]();
    throw new Error(`the control plane does not start: ${(error as Error).message}\n${logs}`, { cause: error });
  }
  return plane;

  function apiServer(
    port: number,
    kubeconfig: string,
    start: () => ChildProcess,
  ): ApiServer & { start(): Promise<void> } {
    let child: ChildProcess | undefined;
    const begin = async (): Promise<void> => {
      child = start();
      await ready(port, tls, child);
    };
    return {
      port,
      kubeconfig,
      get pid() {
        return child?.pid ?? 0;
      },
      stop: async (signal = "SIGTERM") => (child ? end(child, signal) : 0),
      start: begin,
      restart: begin,
    };
  }
}

function storeCommand(
  { store, nodeFlagsOf }: ControlPlaneOptions,
  dir: string,
  pki: ClusterPki,
  port: number,
  peerPort: number,
): [command: string, args: string[]] {
  const { cert, key } = pki.files("test", "etcd-server");
  const authority = pki.authorityFile(authorityNames[1]);
  const args = [
    "--name=test",
    `--data-dir=${join(dir, "store")}`,
    `--listen-client-urls=https://${host}:${port}`,
    `--advertise-client-urls=https://${host}:${port}`,
    `--cert-file=${cert}`,
    `--key-file=${key}`,
    `--trusted-ca-file=${authority}`,
    "--client-cert-auth",
  ];
  if (store !== "etcd") return [process.execPath, [...(nodeFlagsOf?.("store") ?? []), daemonEntry("store"), ...args]];
  const peer = `http://${host}:${peerPort}`;
  return [
    "etcd",
    [
      ...args,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=test=${peer}`,
      "--logger=zap",
    ],
  ];
}

function apiServerFlags(pki: ClusterPki, storeUrl: string, port: number): string[] {
  const serving = pki.files("test", "apiserver");
  const storeClient = pki.files("test", "apiserver-etcd-client");
  const agentClient = pki.files("test", "apiserver-kubelet-client");
  const frontProxy = pki.files("test", "front-proxy-client");
  const authority = pki.authorityFile("kubernetes-ca");
  return [
    `--etcd-servers=${storeUrl}`,
    `--etcd-cafile=${pki.authorityFile("etcd-ca")}`,
    `--etcd-certfile=${storeClient.cert}`,
    `--etcd-keyfile=${storeClient.key}`,
    `--bind-address=${host}`,
    `--advertise-address=${host}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    `--client-ca-file=${authority}`,
    "--service-cluster-ip-range=10.96.0.0/12",
    `--service-account-key-file=${pki.serviceAccountKey.publicKey}`,
    `--service-account-signing-key-file=${pki.serviceAccountKey.privateKey}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--kubelet-client-certificate=${agentClient.cert}`,
    `--kubelet-client-key=${agentClient.key}`,
    `--kubelet-certificate-authority=${authority}`,
    `--proxy-client-cert-file=${frontProxy.cert}`,
    `--proxy-client-key-file=${frontProxy.key}`,
  ];
}

function launch(log: string, command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log, { flags: "a" });
  child.stdout?.pipe(file, { end: false });
  child.stderr?.pipe(file, { end: false });
  child.on("error", (error) => file.write(`${error.message}\n`));
  return child;
}

/** Ends a process and answers its exit code; null when a signal did it. */
function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.kill(signal);
  });
}

async function ready(port: number, tls: ControlPlane["tls"], child: ChildProcess): Promise<void> {
  const agent = new Agent({ ...tls });
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the apiserver ended with ${child.exitCode}`);
    const status = await send(agent, port, "GET", "/readyz", {}, undefined).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return agent.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the apiserver is not ready in time");
}

function send(
  agent: Agent | undefined,
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): Promise<Answer> {
  const payload =
    body === undefined ? undefined : typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        host,
        port,
        method,
        path,
        headers: {
          ...(payload !== undefined && {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(payload)),
          }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: parsed(text) as AnswerBody,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(payload);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
