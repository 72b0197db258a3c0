// Every flag of the proxy once, under kube-proxy's names, and the one value they are parsed into.
import { hostname } from "node:os";
import { ipvsSchedulers } from "@coxswain/netfilter";
import type { IpvsScheduler } from "@coxswain/netfilter";
import { UsageError, defineFlags, serverConfigOf } from "@coxswain/daemon";
import type { FlagValues, HttpsServerConfig, PlainServerConfig } from "@coxswain/daemon";
import { canonicalRange } from "./core/address.ts";

export const flags = defineFlags({
  kubeconfig: {
    type: "string",
    help: "Path of the kubeconfig with which the proxy talks to the API server (required unless --cleanup)",
  },
  "hostname-override": { type: "string", help: "Name of the node, instead of the machine's host name" },
  "cluster-cidr": {
    type: "list",
    help: "Addresses of all pods, one range per family; traffic to services from elsewhere is masqueraded",
  },
  "proxy-mode": {
    type: "string",
    default: "iptables",
    help: "How packets are led: iptables, nftables, ipvs (where the kernel has it) or userspace",
  },
  "nodeport-addresses": {
    type: "list",
    help: 'Ranges of the node\'s addresses that node ports are served on, or "primary"; all but loopback, if left out',
  },
  "iptables-sync-period": {
    type: "duration",
    default: "5s",
    help: "Longest time until a stranger's change of the rules is repaired",
  },
  "iptables-min-sync-period": {
    type: "duration",
    default: "100ms",
    help: "Shortest time between two writes; changes within it are made together",
  },
  "iptables-masquerade-bit": {
    type: "number",
    default: 14,
    help: "Bit of the packet mark that asks for masquerading, 0 to 31",
  },
  "ipvs-scheduler": {
    type: "string",
    default: "rr",
    help: `How IPVS chooses among endpoints: ${ipvsSchedulers.join(", ")}`,
  },
  "ipvs-sync-period": { type: "duration", help: "In ipvs mode, instead of --iptables-sync-period" },
  "ipvs-min-sync-period": { type: "duration", help: "In ipvs mode, instead of --iptables-min-sync-period" },
  "ipvs-strict-arp": {
    type: "boolean",
    default: false,
    help: "In ipvs mode, answer no ARP question for the services' addresses (arp_ignore=1, arp_announce=2)",
  },
  "masquerade-all": { type: "boolean", default: false, help: "Masquerade traffic to services from pods, too" },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address that health and metrics are served on" },
  "secure-port": { type: "number", default: 10256, help: "Port for health and metrics" },
  "tls-cert-file": {
    type: "string",
    help: "Certificate of the server; without one it is plain HTTP, with metrics for this machine alone",
  },
  "tls-private-key-file": { type: "string", help: "Key of the server's certificate" },
  "client-ca-file": { type: "string", help: "Authority whose client certificates may read metrics" },
  cleanup: { type: "boolean", default: false, help: "Remove every rule of the proxy from this machine, then end" },
});

export type ProxyConfig = { readonly mode: "cleanup" } | RunConfig;

export type ProxyMode = "iptables" | "nftables" | "ipvs" | "userspace";

export interface RunConfig {
  readonly mode: "run";
  readonly proxyMode: ProxyMode;
  readonly kubeconfig: string;
  readonly nodeName: string;
  /** At most one range per family. */
  readonly clusterCidrs: readonly string[];
  readonly nodePortAddresses: readonly string[];
  /** Only on the node's first address of each family. */
  readonly nodePortsOnPrimary: boolean;
  readonly masqueradeAll: boolean;
  readonly masqueradeMark: number;
  readonly ipvs: { readonly scheduler: IpvsScheduler; readonly strictArp: boolean };
  readonly sync: { readonly minIntervalMs: number; readonly checkIntervalMs: number };
  readonly server: HttpsServerConfig | PlainServerConfig;
}

export function readConfig(values: FlagValues<typeof flags>): ProxyConfig {
  if (values.cleanup) return { mode: "cleanup" };
  const { kubeconfig } = values;
  if (kubeconfig === undefined) throw new UsageError('required flag(s) "kubeconfig" not set');
  const proxyMode = modeOf(values["proxy-mode"]);
  const bit = values["iptables-masquerade-bit"];
  if (!Number.isInteger(bit) || bit < 0 || bit > 31)
    throw new UsageError(`--iptables-masquerade-bit: expected 0 to 31, found ${bit}`);
  return {
    mode: "run",
    kubeconfig,
    nodeName: (values["hostname-override"] ?? hostname()).toLowerCase(),
    proxyMode,
    clusterCidrs: clusterCidrsOf(values["cluster-cidr"] ?? []),
    ...nodePortAddressesOf(values["nodeport-addresses"] ?? []),
    masqueradeAll: values["masquerade-all"],
    masqueradeMark: 2 ** bit,
    ipvs: { scheduler: schedulerOf(values["ipvs-scheduler"]), strictArp: values["ipvs-strict-arp"] },
    sync: periodsOf(values, proxyMode),
    server: serverConfigOf(values),
  };
}

/** The periods are those of all modes, but for what is said of ipvs mode alone. */
function periodsOf(values: FlagValues<typeof flags>, mode: ProxyMode): RunConfig["sync"] {
  const own = <T>(ipvs: T | undefined): T | undefined => (mode === "ipvs" ? ipvs : undefined);
  const checkIntervalMs = own(values["ipvs-sync-period"]) ?? values["iptables-sync-period"];
  const minIntervalMs = own(values["ipvs-min-sync-period"]) ?? values["iptables-min-sync-period"];
  const name = own(values["ipvs-sync-period"]) === undefined ? "--iptables-sync-period" : "--ipvs-sync-period";
  const minName =
    own(values["ipvs-min-sync-period"]) === undefined ? "--iptables-min-sync-period" : "--ipvs-min-sync-period";
  if (checkIntervalMs <= 0) throw new UsageError(`${name}: expected more than 0`);
  if (minIntervalMs < 0 || minIntervalMs > checkIntervalMs) throw new UsageError(`${minName}: expected 0 to ${name}`);
  return { minIntervalMs, checkIntervalMs };
}

function schedulerOf(text: string): IpvsScheduler {
  const found = ipvsSchedulers.find((scheduler) => scheduler === text);
  if (found !== undefined) return found;
  throw new UsageError(`--ipvs-scheduler: expected ${ipvsSchedulers.join(", ")}, found ${JSON.stringify(text)}`);
}

const modes: readonly string[] = ["iptables", "nftables", "ipvs", "userspace"] satisfies ProxyMode[];

function modeOf(text: string): ProxyMode {
  if (isMode(text)) return text;
  throw new UsageError(`--proxy-mode: expected ${modes.join(", ")}, found ${JSON.stringify(text)}`);
}

function isMode(text: string): text is ProxyMode {
  return modes.includes(text);
}

function clusterCidrsOf(texts: readonly string[]): readonly string[] {
  const cidrs = texts.map((text) => rangeOf("--cluster-cidr", text));
  if (new Set(cidrs.map((cidr) => cidr.includes(":"))).size < cidrs.length)
    throw new UsageError(`--cluster-cidr: expected one range per family, found ${JSON.stringify(texts.join(","))}`);
  return cidrs;
}

function nodePortAddressesOf(texts: readonly string[]): Pick<RunConfig, "nodePortAddresses" | "nodePortsOnPrimary"> {
  if (texts.length === 1 && texts[0] === "primary") return { nodePortAddresses: [], nodePortsOnPrimary: true };
  const ranges = texts.map((text) => rangeOf("--nodeport-addresses", text));
  return { nodePortAddresses: ranges, nodePortsOnPrimary: false };
}

function rangeOf(flag: string, text: string): string {
  const range = text.includes("/") ? (canonicalRange(text, "ipv4") ?? canonicalRange(text, "ipv6")) : undefined;
  if (range === undefined) throw new UsageError(`${flag}: expected an address range, found ${JSON.stringify(text)}`);
  return range;
}
