// What the machine commands may be told, by flag or by environment (the same names in a compose file's .env): checked, one sentence each.
import { existsSync, readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { parseArgs } from "node:util";
import { MachineError } from "./failure.ts";
import { coxVersion } from "../version.ts";
import { optionalDaemons } from "./record.ts";
import type { NamedAddress, OptionalDaemon } from "./record.ts";
import type { MachineOptions, Placement } from "./setup.ts";

export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Given {
  readonly values: Values;
  readonly words: readonly string[];
}

const strings = [
  "dir",
  "name",
  "address",
  "port",
  "docker-socket",
  "resolv-conf",
  "token",
  "ca-pin",
  "certificate-key",
  "etcd-servers",
  "etcd-cafile",
  "etcd-certfile",
  "etcd-keyfile",
  "stores",
  "api-hosts",
  "kubeconfig",
  "dead-member-grace",
  "profile",
  "without",
  "image",
  "masters",
  "workers",
  "output",
] as const;
const booleans = ["master", "single", "static-pods", "force", "external", "help"] as const;

/** Throws MachineError for what is not known. */
export function parseMachineArgs(argv: readonly string[]): Given {
  const options = Object.fromEntries([
    ...strings.map((name) => [name, { type: "string" }] as const),
    ...booleans.map((name) => [name, { type: "boolean" }] as const),
  ]);
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    return { values: values as Values, words: positionals };
  } catch (cause) {
    throw new MachineError((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}

/** COXSWAIN_CA_PIN for --ca-pin, and so on; the flag goes before. Empty is not given. */
export function valueOf(
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
  name: string,
): string | undefined {
  const flag = given.values[name];
  const value = typeof flag === "string" ? flag : env[variableOf(name)];
  return value === undefined || value.trim() === "" ? undefined : value.trim();
}

/** What a flag is called in the environment. */
export function variableOf(name: string): string {
  return `COXSWAIN_${name.toUpperCase().replaceAll("-", "_")}`;
}

export function directoryOf(given: Given, env: Readonly<Record<string, string | undefined>>): string {
  const directory = valueOf(given, env, "dir") ?? "/var/lib/coxswain";
  if (!directory.startsWith("/"))
    throw new MachineError(`COXSWAIN_DIR must be an absolute path, found ${JSON.stringify(directory)}`);
  return directory;
}

export function machineOptionsOf(given: Given, env: Readonly<Record<string, string | undefined>>): MachineOptions {
  if (process.getuid?.() !== 0)
    throw new MachineError("setting up a machine needs root: it writes keys and manages containers, routes and rules");
  const name = (valueOf(given, env, "name") ?? hostname()).toLowerCase();
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
    throw new MachineError(`the machine's name must be of letters, digits, "-" and ".", found ${JSON.stringify(name)}`);
  const address = valueOf(given, env, "address") ?? onlyAddress();
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address) || address.split(".").some((part) => Number(part) > 255))
    throw new MachineError(
      `the machine's address must be an IPv4 address that the other machines reach, found ${JSON.stringify(address)}`,
    );
  if (!ownAddresses().includes(address))
    throw new MachineError(
      `${address} is not an address of this machine; it has ${ownAddresses().join(", ") || "none"}`,
    );
  const port = Number(valueOf(given, env, "port") ?? "6443");
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new MachineError(`the port must be a number from 1 to 65535, found ${valueOf(given, env, "port")}`);
  const dockerSocket = valueOf(given, env, "docker-socket") ?? "/var/run/docker.sock";
  return {
    directory: directoryOf(given, env),
    name,
    address,
    apiPort: port,
    apiHosts: (valueOf(given, env, "api-hosts") ?? "").split(",").filter(Boolean),
    dockerSocket,
    resolvConf: valueOf(given, env, "resolv-conf") ?? usualResolver(),
    ...placementOf(given, env),
  };
}

/** Which daemons run as processes of their own; the rest are pods. */
export function placementOf(given: Given, env: Readonly<Record<string, string | undefined>>): Placement {
  const asPods = given.values["static-pods"] === true || valueOf(given, env, "static-pods") === "yes";
  const image = valueOf(given, env, "image") ?? `coxswain/coxswain:${coxVersion}`;
  return { without: withoutOf(given, env), ...(asPods ? { staticPods: { image } } : {}) };
}

/** "proxy,dns": those of a node's daemons that are not the machine's own. */
function withoutOf(given: Given, env: Readonly<Record<string, string | undefined>>): readonly OptionalDaemon[] {
  const named = (valueOf(given, env, "without") ?? "").split(",").filter(Boolean);
  const unknown = named.find((name) => !optionalDaemons.some((known) => known === name));
  if (unknown !== undefined)
    throw new MachineError(`--without: expected ${optionalDaemons.join(", ")}, found ${JSON.stringify(unknown)}`);
  return optionalDaemons.filter((name) => named.includes(name));
}

/** A node needs an engine. */
export function refuseWithoutEngine(socket: string): void {
  if (!existsSync(socket))
    throw new MachineError(`no Docker Engine: ${socket} is not there (--docker-socket names another)`);
}

/** "m1=10.0.0.1,m2=10.0.0.2" */
export function membersIn(text: string): readonly NamedAddress[] {
  return text.split(",").map((pair) => {
    const [name, address] = pair.split("=", 2);
    if (!name || !address) throw new MachineError(`--stores: expected name=address,…, found ${JSON.stringify(pair)}`);
    return { name, address };
  });
}

export function wholeNumberOf(
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  standard: number,
): number {
  const text = valueOf(given, env, name);
  if (text === undefined) return standard;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 1000) return number;
  throw new MachineError(`--${name} must be a whole number from 0 to 1000, found ${JSON.stringify(text)}`);
}

/** "90s", "5m", "1h", or 0. */
export function durationOf(
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  standardMs: number,
): number {
  const text = valueOf(given, env, name);
  if (text === undefined) return standardMs;
  const [, count = "", unit = ""] = /^(\d+)(s|m|h)?$/.exec(text) ?? [];
  const factor = { s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? (count === "0" ? 0 : undefined);
  if (count === "" || factor === undefined)
    throw new MachineError(`--${name} must be a duration such as 90s, 5m or 1h, found ${JSON.stringify(text)}`);
  return Number(count) * factor;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
}

/** Bridges of containers are no way to another machine. */
function onlyAddress(): string {
  const found = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(docker|br-|cox|veth|cni|virbr)/.test(name))
    .flatMap(([, list]) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  const [first, ...more] = found.map(({ address }) => address);
  if (first === undefined)
    throw new MachineError("this machine has no IPv4 address but its loopback's: give --address");
  if (more.length > 0)
    throw new MachineError(
      `this machine has the addresses ${[first, ...more].join(", ")}: say which one the others reach by --address (COXSWAIN_ADDRESS)`,
    );
  return first;
}

/** The stub of systemd-resolved answers only on this machine's loopback, where pods cannot ask it. */
function usualResolver(): string {
  const real = "/run/systemd/resolve/resolv.conf";
  const usual = "/etc/resolv.conf";
  if (!existsSync(real) || !existsSync(usual)) return usual;
  return /^nameserver\s+127\./m.test(readFileSync(usual, "utf8")) ? real : usual;
}
