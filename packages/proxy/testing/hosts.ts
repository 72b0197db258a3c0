// A node and its neighbours as network namespaces, for tests with real packets: a pod, two backends that say who they are and who asks, and a stranger,
// each with a cable of its own to the node, which leads packets from one to the other.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

export const hosts = {
  pod: "10.244.1.1",
  one: "10.244.1.7",
  two: "10.244.1.8",
  stranger: "203.0.113.9",
} as const;
export const nodeAddress = "203.0.113.1";
const gateway = "169.254.1.1";

export type HostName = keyof typeof hosts | "node";

export interface Hosts {
  /** Words before a command that is to run on one of them. */
  inside(host: HostName): readonly string[];
  /** Connects everything and starts the backends. */
  start(): Promise<void>;
  /** Ends whatever was started, and the namespaces. */
  stop(): Promise<void>;
  /** A program on a host, once it has said its first word. */
  launch(host: HostName, ...words: readonly string[]): Promise<ChildProcess>;
  /** One of ours. */
  run(host: HostName, script: string, ...words: readonly string[]): Promise<ChildProcess>;
  /** What a host is answered over TCP; "refused" when it is told no, "silence" when it is told nothing. */
  ask(from: HostName, address: string, port: number, patienceSeconds?: number): string;
  askUdp(from: HostName, address: string, port: number): string;
}

const backend = `
  const net = require("node:net"), dgram = require("node:dgram"), name = process.argv[1];
  net.createServer((socket) => socket.end(name + " " + socket.remoteAddress)).listen(8080, "0.0.0.0", () => {
    const udp = dgram.createSocket("udp4");
    udp.on("message", (text, from) => udp.send(name + " " + from.address, from.port, from.address));
    udp.bind(8080, () => console.log("listens"));
  });`;

export function must(...words: readonly string[]): string {
  const [command = "", ...args] = words;
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** Undefined where namespaces cannot be made, or one of these commands fails on the node. */
export function createHosts(prefix: string, needed: readonly (readonly string[])[]): Hosts | undefined {
  const inside = (host: HostName): readonly string[] => ["ip", "netns", "exec", `${prefix}${host}`];
  const namespaces = ["node", ...Object.keys(hosts)].map((name) => `${prefix}${name}`);
  const started: ChildProcess[] = [];
  const possible =
    spawnSync("ip", ["netns", "add", `${prefix}node`]).status === 0 &&
    needed.every((words) => spawnSync("ip", [...inside("node").slice(1), ...words]).status === 0);
  if (!possible) {
    spawnSync("ip", ["netns", "delete", `${prefix}node`]);
    return undefined;
  }

  const connect = (name: string, address: string, index: number): void => {
    const node = ["ip", "-n", `${prefix}node`];
    const host = ["ip", "-n", `${prefix}${name}`];
    must("ip", "netns", "add", `${prefix}${name}`);
    const peer = ["peer", "name", "eth0", "netns", `${prefix}${name}`];
    must(...node, "link", "add", `v${index}`, "type", "veth", ...peer);
    must(...node, "link", "set", `v${index}`, "up");
    must(...node, "route", "add", address, "dev", `v${index}`);
    must(...node, "address", "add", `${gateway}/32`, "dev", `v${index}`);
    for (const device of ["lo", "eth0"]) must(...host, "link", "set", device, "up");
    must(...host, "address", "add", `${address}/32`, "dev", "eth0");
    must(...host, "route", "add", "default", "via", gateway, "dev", "eth0", "onlink");
  };

  const launch: Hosts["launch"] = async (host, ...words) => {
    const [command = "", ...args] = [...inside(host), ...words];
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    started.push(child);
    await once(child.stdout, "data");
    return child;
  };
  const run: Hosts["run"] = (host, script, ...words) => launch(host, process.execPath, "-e", script, ...words);

  return {
    inside,
    launch,
    run,
    async start() {
      must("ip", "-n", `${prefix}node`, "link", "set", "lo", "up");
      must("ip", "-n", `${prefix}node`, "address", "add", `${nodeAddress}/32`, "dev", "lo");
      must(...inside("node"), "sysctl", "-qw", "net.ipv4.ip_forward=1");
      Object.entries(hosts).forEach(([name, address], index) => connect(name, address, index));
      for (const name of ["one", "two"] as const) await run(name, backend, name);
    },
    async stop() {
      for (const child of started) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      for (const namespace of namespaces) spawnSync("ip", ["netns", "delete", namespace]);
    },
    ask(from, address, port, patienceSeconds = 10) {
      const script = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
      const words = [String(patienceSeconds), ...inside(from), "bash", "-c", script];
      const { status, stdout } = spawnSync("timeout", words, { encoding: "utf8" });
      return status === 0 ? stdout : status === 124 ? "silence" : "refused";
    },
    askUdp(from, address, port) {
      const script = `exec 3<>/dev/udp/${address}/${port} && echo hello >&3 && timeout 10 dd bs=64 count=1 status=none <&3`;
      const words = [...inside(from).slice(1), "bash", "-c", script];
      return spawnSync("ip", words, { encoding: "utf8" }).stdout;
    },
  };
}
