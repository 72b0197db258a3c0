// A control plane with the scheduler as a real process, and nodes that are only objects (hollow): all that scheduling needs, on
// free ports. Asked through kubectl and the scheduler's own debug endpoint.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import { startControlPlane } from "../protocol/control-plane.ts";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";

export interface SchedulingPlane extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly schedulerPid: number;
  /** GET on the scheduler's own port, as the administrator. */
  ask<T>(path: string): Promise<T>;
  /** Kills the scheduler as a crash would. */
  killScheduler(): Promise<void>;
  startScheduler(): Promise<void>;
}

export interface HollowNode {
  readonly name: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `configuration` is the text of a KubeSchedulerConfiguration; flags go to the scheduler. */
export async function startSchedulingPlane(
  options: { readonly configuration?: string; readonly flags?: readonly string[] } = {},
): Promise<SchedulingPlane> {
  const plane = await startControlPlane();
  const port = await freePort();
  const authority = plane.pki.authorityFile("kubernetes-ca");
  const kubeconfig = join(plane.dir, "scheduler.conf");
  writeKubeconfig({
    file: kubeconfig,
    server: `https://127.0.0.1:${plane.servers[0]?.port}`,
    authorityFile: authority,
    user: "system:kube-scheduler",
    certificate: plane.pki.files("test", "scheduler"),
  });
  const serving = plane.pki.files("test", "scheduler");
  const configFile = join(plane.dir, "scheduler.yaml");
  if (options.configuration !== undefined) writeFileSync(configFile, options.configuration);
  const log = join(plane.dir, "scheduler.log");
  let child: ChildProcess | undefined;

  const ask = <T>(path: string): Promise<T> =>
    new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port, path, ...plane.tls }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve((path.startsWith("/debug") ? JSON.parse(text) : text) as T);
          else reject(new Error(`${path} answers ${response.statusCode}: ${text}`));
        });
      })
        .on("error", reject)
        .end();
    });
  const start = async (): Promise<void> => {
    const args = [
      `--kubeconfig=${kubeconfig}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${authority}`,
      "--leader-elect-lease-duration=4s",
      "--leader-elect-renew-deadline=3s",
      "--leader-elect-retry-period=1s",
      ...(options.configuration === undefined ? [] : [`--config=${configFile}`]),
      ...(options.flags ?? []),
    ];
    const started = spawn(process.execPath, [daemonEntry("scheduler"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    const file = createWriteStream(log, { flags: "a" });
    started.stdout.pipe(file, { end: false });
    started.stderr.pipe(file, { end: false });
    await eventually("the scheduler is ready", 60_000, async () => {
      if (started.exitCode !== null) throw new Error(`the scheduler ended: ${readFileSync(log, "utf8").slice(-2000)}`);
      return (await ask<string>("/readyz").catch(() => undefined)) === "ok" ? true : undefined;
    });
  };
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const gone = new Promise((resolve) => dying.once("exit", resolve));
    dying.kill(signal);
    await gone;
  };
  try {
    await start();
  } catch (error) {
    await kill("SIGKILL");
    await plane[Symbol.asyncDispose]();
    throw error;
  }
  return {
    plane,
    get schedulerPid() {
      return child?.pid ?? 0;
    },
    ask,
    startScheduler: start,
    killScheduler: () => kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await kill("SIGTERM");
      await plane[Symbol.asyncDispose]();
    },
  };
}

/** Makes nodes that are Ready and hollow; no node agent stands behind them. */
export async function makeNodes(plane: ControlPlane, nodes: readonly HollowNode[]): Promise<void> {
  for (const { name, cpu = "4", memory = "8Gi", labels = {} } of nodes) {
    const metadata = { name, labels: { "kubernetes.io/hostname": name, ...labels } };
    const made = await plane.call("POST", "/api/v1/nodes", { body: { apiVersion: "v1", kind: "Node", metadata } });
    if (made.status !== 201) throw new Error(`node ${name}: ${made.text}`);
    const amounts = { cpu, memory, pods: "110" };
    const conditions = [{ type: "Ready", status: "True", reason: "Hollow", message: "" }];
    const status = { capacity: amounts, allocatable: amounts, conditions };
    const body = { ...made.body, status };
    const written = await plane.call("PUT", `/api/v1/nodes/${name}/status`, { body });
    if (written.status !== 200) throw new Error(`status of node ${name}: ${written.text}`);
    // New nodes are tainted until a controller has seen them ready; none runs here.
    await plane.must(["taint", "node", name, "node.kubernetes.io/not-ready:NoSchedule-"]);
  }
}
