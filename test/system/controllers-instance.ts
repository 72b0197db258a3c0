// One controller manager as a real process, behind a gate of its own that keeps a record of what it asks for. It can be ended, stopped in its
// tracks, and let go on.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { Agent, createServer, request } from "node:https";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { join } from "node:path";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";

export interface Call {
  /** "system:serviceaccount:kube-system:job-controller"; "" for the controller manager itself. */
  readonly user: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface Instance {
  readonly calls: readonly Call[];
  readonly pid: number;
  /** Starts the process; `more` flags win over the others. */
  start(more?: readonly string[]): Promise<void>;
  /** Starts it and waits until its controllers have done something. */
  lead(): Promise<void>;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  close(): Promise<void>;
}

const host = "127.0.0.1";

export async function createInstance(
  plane: ControlPlane,
  name: string,
  calls: Call[],
  answers: ReadonlyMap<string, unknown>,
  flags: readonly string[],
): Promise<Instance> {
  const gate = createGate(plane, calls, answers);
  const gatePort = await freePort();
  await new Promise<void>((resolve) => gate.server.listen(gatePort, host, resolve));
  const kubeconfig = join(plane.dir, `${name}.conf`);
  writeKubeconfig({
    file: kubeconfig,
    server: `https://${host}:${gatePort}`,
    authorityFile: plane.pki.authorityFile("kubernetes-ca"),
    user: "system:kube-controller-manager",
    certificate: plane.pki.files("test", "controller-manager"),
  });
  const log = join(plane.dir, `${name}.log`);
  let child: ChildProcess | undefined;

  const start = async (more: readonly string[] = []): Promise<void> => {
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
      ...more,
    ];
    const started = spawn(process.execPath, [daemonEntry("controller-manager"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    const file = createWriteStream(log, { flags: "a" });
    started.stdout.pipe(file, { end: false });
    started.stderr.pipe(file, { end: false });
  };
  const lead = async (): Promise<void> => {
    await start();
    const started = child;
    await eventually("the controllers lead", 60_000, async () => {
      if (started?.exitCode !== null) throw new Error(`they ended: ${readFileSync(log, "utf8").slice(-3000)}`);
      const account = await plane.call("GET", "/api/v1/namespaces/default/serviceaccounts/default");
      return account.status === 200 ? true : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(log, "utf8").slice(-3000)}`, { cause: error });
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const gone = new Promise((resolve) => dying.once("exit", resolve));
    dying.kill("SIGCONT");
    dying.kill(signal);
    await gone;
  };
  return {
    calls,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    lead,
    signal: (signal) => void child?.kill(signal),
    end,
    async close() {
      await end("SIGTERM");
      gate.server.closeAllConnections();
      await new Promise((resolve) => gate.server.close(resolve));
      gate.close();
    },
  };
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
