// A proxy as a process on a node of its own: network namespaces, a real control plane, and servers that come and go as pods do. The node reaches the
// API by a socket file, which no rule of the network concerns.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { hosts } from "@coxswain/proxy/testing";
import type { HostName, Hosts } from "@coxswain/proxy/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry, projectRoot } from "../../scripts/cluster/layout.ts";
import { eventually } from "../system/cluster.ts";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";

/** A machine that has IPVS may be an emulated one. */
export const patienceMs = 240_000;
/** `web` has servers that come and go, `names` those of the hosts, which say their names. */
export const services = {
  web: { address: "10.96.0.80", nodePort: 30_180, targetPort: 9_090 },
  names: { address: "10.96.0.81", nodePort: 30_181, targetPort: 8_080 },
} as const;
export type ServiceName = keyof typeof services;
const nodeName = "node-one";
const scripts = join(projectRoot, "test/system/rollout");

export interface ProxyWorld extends AsyncDisposable {
  readonly hosts: Hosts;
  readonly plane: ControlPlane;
  /** A command on the node, to its end; what it printed. */
  onNode(...words: readonly string[]): string;
  /** Starts the proxy in a mode. */
  start(mode: string): void;
  /** Ends the proxy by that signal and resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** `coxswain-proxy --cleanup` to its end; its exit code. */
  cleanUp(): Promise<number | null>;
  /** Makes these the service's endpoints and resolves to the revision of that. */
  lead(name: ServiceName, ...to: readonly ("one" | "two")[]): Promise<number>;
  /** Resolves when the proxy has said that this revision is in force: at once when endpoints leave and at its start, else within ten seconds. */
  inForce(revision: number): Promise<void>;
  /** A server of `web` on a host that answers with its version; once it listens. */
  serve(host: "one" | "two", version: string): Promise<ChildProcess>;
  /** Asks a URL again and again from a host, until the file appears. */
  load(from: HostName, url: string, perSecond: number, stopFile: string): Load;
}

export interface Load {
  /** Resolves when a server of that version has answered. */
  answeredBy(version: string): Promise<void>;
  readonly tally: Promise<Tally>;
}

export interface Tally {
  readonly sent: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

export async function startProxyWorld(world: Hosts): Promise<ProxyWorld> {
  await using undo = new AsyncDisposableStack();
  undo.defer(() => world.stop());
  await world.start();
  const plane = undo.use(await startControlPlane());
  await plane.pki.ensureNode(nodeName, ["127.0.0.1"]);
  const port = plane.servers[0]?.port ?? 0;
  const socketFile = join(plane.dir, "api.sock");
  const relay = createServer((socket) => {
    const other = connect(port, "127.0.0.1");
    socket.on("error", () => other.destroy()).pipe(other);
    other.on("error", () => socket.destroy()).pipe(socket);
  }).listen(socketFile);
  undo.defer(() => void relay.close());
  await once(relay, "listening");
  await world.run("node", relaySource, String(port), socketFile);

  const kubeconfig = join(plane.dir, "proxy.conf");
  writeKubeconfig({
    file: kubeconfig,
    server: `https://127.0.0.1:${port}`,
    authorityFile: plane.pki.authorityFile("kubernetes-ca"),
    user: "system:kube-proxy",
    certificate: plane.pki.files(nodeName, "proxy"),
  });
  const log = join(plane.dir, "proxy.log");
  let proxy: ChildProcess | undefined;
  const launch = (...flags: readonly string[]): ChildProcess => {
    const [command = "", ...words] = [...world.inside("node"), process.execPath, daemonEntry("proxy"), ...flags];
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
    const file = createWriteStream(log, { flags: "a" });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    return child;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = proxy;
    proxy = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    ending.kill(signal);
    await once(ending, "exit");
  };
  undo.defer(() => end("SIGKILL"));
  const servers = new Set<ChildProcess>();
  undo.defer(async () => {
    for (const server of servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  });

  const api = async (method: string, path: string, body: unknown): Promise<number> => {
    const answer = await plane.call(method, path, { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return Number(answer.body.metadata.resourceVersion);
  };
  for (const name of ["web", "names"] as const) {
    await api("POST", "/api/v1/namespaces/default/services", service(name));
    await api("POST", slicesPath, slice(name, []));
  }

  const kept = undo.move();
  return {
    hosts: world,
    plane,
    onNode(...words) {
      const [command = "", ...args] = [...world.inside("node"), ...words];
      return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    },
    start(mode) {
      proxy = launch(
        ...[`--kubeconfig=${kubeconfig}`, `--hostname-override=${nodeName}`, "--cluster-cidr=10.244.0.0/16"],
        ...[`--proxy-mode=${mode}`, "--bind-address=127.0.0.1", "--secure-port=10256"],
      );
    },
    end,
    async cleanUp() {
      const child = launch("--cleanup");
      const [code] = (await once(child, "exit")) as [number | null];
      return code;
    },
    lead: (name, ...to) => api("PUT", `${slicesPath}/${name}-1`, slice(name, to)),
    async inForce(revision) {
      const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/proxy-${nodeName}`;
      await eventually(`revision ${revision} in force`, patienceMs, async () => {
        if (proxy?.exitCode !== null)
          throw new Error(`the proxy has ended: ${readFileSync(log, "utf8").slice(-2_000)}`);
        const { annotations = {} } = (await plane.call("GET", path)).body.metadata as LeaseMetadata;
        return Number(annotations["coxswain.io/endpoints-programmed"]) >= revision ? true : undefined;
      }).catch((error: Error) => {
        throw new Error(`${error.message}\n${readFileSync(log, "utf8").slice(-2_000)}`, { cause: error });
      });
    },
    async serve(host, version) {
      const [command, ...words] = [...world.inside(host), process.execPath, join(scripts, "server.mjs")];
      // It ends when the last kept connection has been closed with an answer, however slow the machine is.
      const linger = { LINGER_MS: String(patienceMs) };
      const env = { ...process.env, ...linger, VERSION: version, PORT: String(services.web.targetPort) };
      const child = spawn(command, words, { env, stdio: ["ignore", "pipe", "inherit"] });
      servers.add(child);
      await once(child.stdout, "data");
      return child;
    },
    load(from, url, perSecond, stopFile) {
      const words = [
        ...world.inside(from),
        process.execPath,
        join(scripts, "load.mjs"),
        url,
        String(perSecond),
        stopFile,
      ];
      // A minute for an answer: what is judged is whether it comes.
      const [command, ...args] = [...words, "60", "600"];
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      servers.add(child);
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
      return {
        answeredBy: (version) =>
          eventually(`${version} answers`, patienceMs, async () =>
            output.split("\n").includes(`answered ${version}`) ? true : undefined,
          ).then(() => undefined),
        tally: once(child, "close").then(() => JSON.parse(output.trim().split("\n").at(-1) ?? "") as Tally),
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface LeaseMetadata {
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Leads what comes to a port to a socket file. */
const relaySource = `
  const net = require("node:net"), [port, file] = process.argv.slice(1);
  net.createServer((socket) => {
    const other = net.connect(file);
    socket.on("error", () => other.destroy()).pipe(other);
    other.on("error", () => socket.destroy()).pipe(socket);
  }).listen(Number(port), "127.0.0.1", () => console.log("listens"));`;

function service(name: ServiceName): unknown {
  const { address, nodePort, targetPort } = services[name];
  return {
    ...{ apiVersion: "v1", kind: "Service", metadata: { name } },
    spec: {
      ...{ type: "NodePort", clusterIP: address },
      ports: [
        { name: "tcp", port: 80, targetPort, nodePort },
        { name: "udp", port: 80, targetPort, nodePort, protocol: "UDP" },
      ],
    },
  };
}

const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

function slice(name: ServiceName, to: readonly ("one" | "two")[]): unknown {
  return {
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    ports: ["TCP", "UDP"].map((protocol) => ({
      ...{ name: protocol.toLowerCase(), port: services[name].targetPort, protocol },
    })),
    endpoints: to.map((host) => ({ addresses: [hosts[host]], conditions: { ready: true }, nodeName: host })),
  };
}
