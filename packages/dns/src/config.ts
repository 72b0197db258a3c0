// Every flag of the DNS daemon once, and the one value they are parsed into.
import { BlockList, isIP } from "node:net";
import { UsageError, defineFlags, serverConfigOf } from "@coxswain/daemon";
import type { FlagValues, HttpsServerConfig, PlainServerConfig } from "@coxswain/daemon";
import type { UpstreamConfig } from "./io/servers.ts";
import type { ResolverConfig } from "./resolver.ts";

export const flags = defineFlags({
  kubeconfig: {
    type: "string",
    help: "Path of the kubeconfig with which the daemon talks to the API server (required unless --cleanup)",
  },
  "cluster-domain": { type: "string", default: "cluster.local", help: "Domain of the cluster's names" },
  "dns-bind-address": {
    type: "string",
    default: "10.96.0.10",
    help: "Address that questions are answered on: the cluster's DNS address",
  },
  port: { type: "number", default: 53, help: "Port that questions are answered on, by UDP and TCP" },
  interface: {
    type: "string",
    default: "coxdns0",
    help: "Link that is made to carry the address; empty when the machine has the address already",
  },
  "resolv-conf": {
    type: "string",
    default: "/etc/resolv.conf",
    help: "File that names the servers to ask about everything else",
  },
  "reverse-cidrs": {
    type: "list",
    default: ["10.96.0.0/12", "10.244.0.0/16"],
    help: "Networks whose addresses nobody else can name",
  },
  "answer-search-list": {
    type: "boolean",
    default: false,
    help: "Answer a name that does not exist with a pod's first search suffix as the name without it, in one round trip",
  },
  "memory-file": {
    type: "string",
    default: "",
    help: "File that carries what is known of the cluster over a restart while the API server is away; empty for none",
  },
  "memory-max-age": {
    type: "duration",
    default: "24h",
    help: "Age beyond which the memory file is not believed",
  },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address that health and metrics are served on" },
  "secure-port": { type: "number", default: 9153, help: "Port for health and metrics" },
  "tls-cert-file": {
    type: "string",
    help: "Certificate of the server; without one it is plain HTTP, with metrics for everybody",
  },
  "tls-private-key-file": { type: "string", help: "Key of the server's certificate" },
  "client-ca-file": { type: "string", help: "Authority whose client certificates may read metrics" },
  cleanup: { type: "boolean", default: false, help: "Remove the link from this machine, then end" },
});

export type DnsConfig = { readonly mode: "cleanup"; readonly link: LinkConfig } | RunConfig;
export interface LinkConfig {
  readonly name: string;
  readonly address: string;
}

export interface RunConfig {
  readonly mode: "run";
  readonly kubeconfig: string;
  readonly link: LinkConfig;
  readonly listen: { readonly address: string; readonly port: number };
  readonly zone: ResolverConfig;
  readonly upstream: UpstreamConfig;
  readonly memory: { readonly path: string; readonly maxAgeMs: number };
  readonly server: HttpsServerConfig | PlainServerConfig;
}

export function readConfig(values: FlagValues<typeof flags>): DnsConfig {
  const address = values["dns-bind-address"];
  if (isIP(address) !== 4)
    throw new UsageError(`--dns-bind-address: expected an IPv4 address, found ${JSON.stringify(address)}`);
  const link = { name: values.interface, address };
  if (values.cleanup) return { mode: "cleanup", link };
  const { kubeconfig } = values;
  if (kubeconfig === undefined) throw new UsageError('required flag(s) "kubeconfig" not set');
  const domain = values["cluster-domain"].toLowerCase().replace(/\.$/, "");
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain))
    throw new UsageError(`--cluster-domain: expected a domain name, found ${JSON.stringify(domain)}`);
  return {
    mode: "run",
    kubeconfig,
    link,
    listen: { address, port: values.port },
    zone: {
      domain,
      ownsAddress: ownership(values["reverse-cidrs"]),
      serverAddress: address,
      answersSearchList: values["answer-search-list"],
    },
    upstream: { resolvConf: values["resolv-conf"], own: [address], port: 53 },
    memory: { path: values["memory-file"], maxAgeMs: values["memory-max-age"] },
    server: serverConfigOf(values),
  };
}

function ownership(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = "", bits = ""] = cidr.split("/");
    const family = isIP(network);
    if (family === 0 || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
      throw new UsageError(`--reverse-cidrs: expected CIDRs, found ${JSON.stringify(cidr)}`);
    list.addSubnet(network, Number(bits), family === 4 ? "ipv4" : "ipv6");
  }
  return (address) => list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}
