// One node for a control plane of `control-plane.ts`: a node agent as a real process with real containers, its own bridge,
// its own cluster mark and free ports, so that it disturbs nobody on the machine. Pods are bound by spec.nodeName; there is no scheduler.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { accessSync, createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { systemRandom as random } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import { nodeFlagsOf } from "../../scripts/cluster/processes.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface TestNode extends AsyncDisposable {
  readonly name: string;
  readonly rootDir: string;
  readonly bridge: string;
  readonly port: number;
  /** The mark of this node's containers: the label's value. */
  readonly cluster: string;
  pid(): number;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** The agent's own server, with the certificate that the apiserver has. */
  ask(method: string, path: string, body?: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Ids of this node's containers with the given labels, the running ones unless `all`. */
  containers(labels: Readonly<Record<string, string>>, all?: boolean): readonly string[];
  docker(args: readonly string[]): string;
  log(): string;
}

export interface TestNodeOptions {
  readonly flags?: readonly string[];
  /** The Docker Engine's socket; the machine's own when left out. */
  readonly socket?: string;
}

export const testImage = "coxswain/busybox:1";
const address = "127.0.0.1";
/** An engine that hangs is a failure and no pause. */
const dockerTimeoutMs = 120_000;

export async function startNode(plane: ControlPlane, options: TestNodeOptions = {}): Promise<TestNode> {
  const mark = random.suffix(5);
  const name = `node-${mark}`;
  const rootDir = join(plane.dir, name);
  mkdirSync(rootDir, { recursive: true });
  await plane.pki.ensureNode(name, [address]);
  const port = await freePort();
  const kubeconfig = join(plane.dir, `${name}.conf`);
  writeKubeconfig({
    file: kubeconfig,
    server: `https://${address}:${plane.servers[0]?.port ?? 0}`,
    authorityFile: plane.pki.authorityFile("kubernetes-ca"),
    user: `system:node:${name}`,
    certificate: plane.pki.files(name, "node-agent"),
  });
  const socket = options.socket ?? "/var/run/docker.sock";
  const serving = plane.pki.files(name, "node-agent");
  const cluster = `node-test-${mark}`;
  const args = [
    daemonEntry("node-agent"),
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--root-dir=${rootDir}`,
    `--local-volume-dir=${join(rootDir, "local-volumes")}`,
    `--container-runtime-endpoint=unix://${socket}`,
    `--cluster-id=${cluster}`,
    `--bridge-name=cxn${mark}`,
    "--cluster-cidr=10.250.0.0/16",
    `--pod-cidr=10.250.${random.int(250)}.0/24`,
    `--bind-address=${address}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    `--client-ca-file=${plane.pki.authorityFile("kubernetes-ca")}`,
    ...(options.flags ?? []),
  ];
  const logFile = join(plane.dir, `${name}.log`);
  const client = plane.pki.files("test", "apiserver-kubelet-client");
  const agent = new Agent({ ca: plane.tls.ca, cert: readFileSync(client.cert), key: readFileSync(client.key) });
  let child: ChildProcess | undefined;

  const ask: TestNode["ask"] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/yaml" };
      const sent = request({ agent, host: address, port, method, path, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("error", reject).on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [...nodeFlagsOf("node-agent"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const file = createWriteStream(logFile, { flags: "a" });
    child.stdout?.pipe(file, { end: false });
    child.stderr?.pipe(file, { end: false });
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline) {
      if (child.exitCode !== null)
        throw new Error(`the agent ended with ${child.exitCode}: ${readFileSync(logFile, "utf8")}`);
      const healthy = await ask("GET", "/healthz").catch(() => undefined);
      if (healthy?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the agent does not answer in time: ${readFileSync(logFile, "utf8").slice(-4000)}`);
  };
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<void> =>
    new Promise((resolve) => {
      const ending = child;
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return resolve();
      ending.once("exit", () => resolve());
      ending.kill(signal);
    });
  const docker = (words: readonly string[]): string =>
    execFileSync("docker", ["-H", `unix://${socket}`, ...words], {
      ...{ maxBuffer: 64 << 20, timeout: dockerTimeoutMs, killSignal: "SIGKILL" },
    }).toString();

  await start();
  return {
    name,
    rootDir,
    bridge: `cxn${mark}`,
    port,
    cluster,
    pid: () => child?.pid ?? 0,
    start,
    stop,
    ask,
    docker,
    containers: (labels, all = false) =>
      docker([
        ...["ps", "-q", "--no-trunc", "--filter", `label=coxswain.io/cluster=${cluster}`, ...(all ? ["-a"] : [])],
        ...Object.entries(labels).flatMap(([key, value]) => ["--filter", `label=${key}=${value}`]),
      ])
        .split("\n")
        .filter((id) => id !== ""),
    log: () => readFileSync(logFile, "utf8"),
    async [Symbol.asyncDispose]() {
      await stop();
      agent.destroy();
      execFileSync(process.execPath, [...args, "--cleanup-and-exit"], { stdio: ["ignore", "ignore", "pipe"] });
    },
  };
}

/** Why tests with real containers cannot run here; `undefined` when they can. */
export function whyNoContainers(): string | undefined {
  try {
    accessSync("/var/run/docker.sock");
    execFileSync("docker", ["image", "inspect", testImage, "coxswain/pause:1"], { stdio: "ignore" });
    execFileSync("ip", ["link", "add", "coxprobe1", "type", "bridge"], { stdio: "ignore" });
    execFileSync("ip", ["link", "del", "coxprobe1"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0] ?? "unknown";
  }
}
