// Every flag of the hollow nodes once, and the one value they are parsed into.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError, defineFlags } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import { quantityUnits } from "@coxswain/apimachinery";
import { formatIPv4, parseCidr } from "../core/network/ipam.ts";
import type { HollowNodeConfig } from "./hollow-node.ts";

export const flags = defineFlags({
  kubeconfig: { type: "string", help: "Path of a kubeconfig that may do what nodes do, for all of them (required)" },
  nodes: { type: "number", default: 5, help: "How many nodes" },
  "name-prefix": { type: "string", default: "hollow-", help: "What their names begin with" },
  cpus: { type: "number", default: 8, help: "Processors that each says it has" },
  memory: { type: "string", default: "32Gi", help: "Memory that each says it has" },
  "max-pods": { type: "number", default: 110, help: "Pods that each takes" },
  "node-ip": { type: "string", default: "127.0.0.1", help: "Address that all of them say they have" },
  "pod-cidr-base": {
    type: "string",
    default: "100.64.0.0/10",
    help: "Where their pods' addresses come from, 256 a node; empty waits for the controller-manager's",
  },
  events: { type: "boolean", default: true, help: "Record the pods' events, as real nodes do" },
  "root-dir": {
    type: "string",
    default: join(tmpdir(), "coxswain-hollow"),
    help: "Where the little that they keep is kept",
  },
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address that health and metrics are served on" },
  "secure-port": { type: "number", default: 10350, help: "HTTPS port for health and metrics" },
  "tls-cert-file": { type: "string", help: "Certificate of the server (required)" },
  "tls-private-key-file": { type: "string", help: "Key of the server's certificate (required)" },
  "client-ca-file": { type: "string", help: "Authority whose client certificates may read metrics" },
});

export interface HollowConfig {
  readonly kubeconfig: string;
  readonly nodes: readonly HollowNodeConfig[];
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly certFile: string;
    readonly keyFile: string;
    readonly clientCaFile: string | undefined;
  };
}

const mostNodes = 10_000;
const addressesOfNode = 256;
/** Says of a node that nothing runs there: workloads that must be real can keep away. */
const hollowLabel = "coxswain.io/hollow";

export function readConfig(values: FlagValues<typeof flags>): HollowConfig {
  const { nodes, cpus, events } = values;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > mostNodes)
    throw new UsageError(`--nodes: expected a whole number from 1 to ${mostNodes}, found ${nodes}`);
  const base = parseCidr(values["pod-cidr-base"]);
  if (values["pod-cidr-base"] !== "" && (!base || 2 ** (32 - base.prefix) < nodes * addressesOfNode))
    throw new UsageError(`--pod-cidr-base: expected a range with room for ${nodes} × ${addressesOfNode} addresses`);
  const memoryBytes = quantityUnits(values.memory);
  const names = Array.from({ length: nodes }, (_, index) => `${values["name-prefix"]}${index + 1}`);
  return {
    kubeconfig: needed(values, "kubeconfig"),
    nodes: names.map((name, index) => ({
      ...{ name, cpus, memoryBytes, events },
      address: values["node-ip"],
      podCidr: base && `${formatIPv4(base.base + index * addressesOfNode)}/24`,
      labels: { [hollowLabel]: "true" },
      taints: [],
      maxPods: values["max-pods"],
      rootDirectory: join(values["root-dir"], name),
    })),
    server: {
      host: values["bind-address"],
      port: values["secure-port"],
      certFile: needed(values, "tls-cert-file"),
      keyFile: needed(values, "tls-private-key-file"),
      clientCaFile: values["client-ca-file"],
    },
  };
}

function needed(
  values: FlagValues<typeof flags>,
  name: "kubeconfig" | "tls-cert-file" | "tls-private-key-file",
): string {
  const value = values[name];
  if (value === undefined) throw new UsageError(`required flag(s) ${JSON.stringify(name)} not set`);
  return value;
}
