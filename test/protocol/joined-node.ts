// A control plane and one real node agent that joins it with a bootstrap token, as processes on free ports, with a real engine: for
// what a node promises that needs the API. The agent has a name, a bridge and containers of its own, and takes everything away.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { systemRandom as random } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import { run } from "../system/cluster.ts";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface JoinedNode extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly name: string;
  readonly port: number;
  readonly agentPid: number;
  readonly rootDirectory: string;
  /** The agent's log so far. */
  log(): string;
  /** A GET of the agent's server; with a token, or as the API server. */
  ask(path: string, token?: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Ends the agent and starts it again with these flags besides. */
  restartAgent(flags?: readonly string[]): Promise<void>;
}

export const tokenId = "abcdef";
const tokenSecret = "0123456789abcdef";
const controllers = [
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "certificatesigningrequest-approving-controller",
  "certificatesigningrequest-signing-controller",
];

/** Why there can be no node here; undefined when there can. */
export async function whyNoNode(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "not root";
  if (!existsSync("/var/run/docker.sock")) return "no Docker Engine";
  const images = await run("docker", ["image", "inspect", "coxswain/pause:1", "coxswain/busybox:1"]);
  return images.code === 0 ? undefined : "the images are not built";
}

export async function startJoinedNode(agentFlags: readonly string[] = []): Promise<JoinedNode> {
  const plane = await startControlPlane({ flags: ["--enable-bootstrap-token-auth"] });
  const children = new Map<string, ChildProcess>();
  const { dir, pki } = plane;
  const id = random.suffix(5);
  const name = `node-${id}`;
  const port = await freePort();
  const rootDirectory = join(dir, "agent");
  const authority = pki.authorityFile("kubernetes-ca");
  const server = `https://127.0.0.1:${plane.servers[0]?.port}`;

  const start = (daemon: string, args: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, [daemonEntry(daemon), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const file = createWriteStream(join(dir, `${daemon}.log`), { flags: "a" });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    children.set(daemon, child);
    return child;
  };
  const end = (daemon: string): Promise<void> => {
    const child = children.get(daemon);
    children.delete(daemon);
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
    });
  };
  const agentArgs = (flags: readonly string[]): string[] => [
    `--kubeconfig=${join(dir, "node.conf")}`,
    `--bootstrap-kubeconfig=${join(dir, "bootstrap.conf")}`,
    "--rotate-server-certificates",
    `--client-ca-file=${authority}`,
    `--hostname-override=${name}`,
    "--node-ip=127.0.0.1",
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--root-dir=${rootDirectory}`,
    `--local-volume-dir=${join(dir, "local-volumes")}`,
    `--cluster-id=test-${id}`,
    `--bridge-name=coxt${id}`,
    "--cluster-cidr=10.252.0.0/16",
    `--pod-cidr=10.252.${random.int(250)}.0/24`,
    "--cleanup-on-stop",
    ...agentFlags,
    ...flags,
  ];
  const startAgent = async (flags: readonly string[]): Promise<void> => {
    const child = start("node-agent", agentArgs(flags));
    await until(`node ${name} is ready`, async () => {
      if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}`);
      const ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
      return (await plane.kubectl(["get", "node", name, "-o", ready])).stdout === "True";
    });
  };

  const node: JoinedNode = {
    ...{ plane, name, port, rootDirectory },
    get agentPid() {
      return children.get("node-agent")?.pid ?? 0;
    },
    log: () => readFileSync(join(dir, "node-agent.log"), "utf8"),
    ask: (path, token) => get(port, path, plane, token),
    async restartAgent(flags = []) {
      await end("node-agent");
      await startAgent(flags);
    },
    async [Symbol.asyncDispose]() {
      await end("node-agent");
      await end("controller-manager");
      await plane[Symbol.asyncDispose]();
    },
  };
  try {
    const manager = join(dir, "manager.conf");
    writeKubeconfig({
      file: manager,
      ...{ server, authorityFile: authority, user: "manager", certificate: pki.files("test", "controller-manager") },
    });
    start("controller-manager", [
      `--kubeconfig=${manager}`,
      `--controllers=${controllers.join(",")}`,
      "--secure-port=0",
      "--leader-elect=false",
      `--root-ca-file=${authority}`,
      `--cluster-signing-cert-file=${authority}`,
      `--cluster-signing-key-file=${pki.authorityKeyFile("kubernetes-ca")}`,
      `--service-account-private-key-file=${pki.serviceAccountKey.privateKey}`,
    ]);
    await plane.must(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: admission() }));
    writeFileSync(join(dir, "bootstrap.conf"), JSON.stringify(bootstrapKubeconfig(server, authority)));
    await startAgent([]);
    await until("pods have an account", async () => {
      const { code } = await plane.kubectl(["get", "serviceaccount", "default"]);
      return code === 0;
    });
  } catch (error) {
    const log = ["node-agent.log", "controller-manager.log"]
      .map((file) => (existsSync(join(dir, file)) ? readFileSync(join(dir, file), "utf8").slice(-3_000) : ""))
      .join("\n");
    await node[Symbol.asyncDispose]();
    throw new Error(`the node does not join: ${(error as Error).message}\n${log}`, { cause: error });
  }
  return node;
}

/** A token, and what it allows: as kubeadm sets a cluster up for joining. */
function admission(): readonly unknown[] {
  const binding = (name: string, role: string, group: string): unknown => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: group }],
  });
  const requests = "system:certificates.k8s.io:certificatesigningrequests";
  return [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `bootstrap-token-${tokenId}`, namespace: "kube-system" },
      type: "bootstrap.kubernetes.io/token",
      stringData: {
        "token-id": tokenId,
        "token-secret": tokenSecret,
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
      },
    },
    binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", "system:bootstrappers"),
    binding("kubeadm:node-autoapprove-bootstrap", `${requests}:nodeclient`, "system:bootstrappers"),
    binding("kubeadm:node-autoapprove-certificate-rotation", `${requests}:selfnodeclient`, "system:nodes"),
  ];
}

function bootstrapKubeconfig(server: string, authority: string): unknown {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, "certificate-authority": authority } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "b" } }],
    "current-context": "c",
    users: [{ name: "b", user: { token: `${tokenId}.${tokenSecret}` } }],
  };
}

/** The server's name is not checked: its certificate is what a test looks at elsewhere. */
function get(port: number, path: string, plane: ControlPlane, token?: string) {
  const { cert, key } = plane.pki.files("test", "apiserver-kubelet-client");
  const client = token === undefined ? { cert: readFileSync(cert), key: readFileSync(key) } : {};
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const headers = token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` };
    const sent = request(
      { host: "127.0.0.1", port, path, headers, ...client, rejectUnauthorized: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

export async function until(what: string, holds: () => Promise<boolean>, withinMs = 90_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
