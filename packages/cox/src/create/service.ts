// `create service clusterip|externalname|loadbalancer|nodeport`.
import { number, slice, text } from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { creation, metadataOf } from "./creation.ts";

const tcp: Flags = { tcp: slice("Port pairs can be specified as '<port>:<targetPort>'.") };

function ports(args: Args, nodePort?: number): unknown[] {
  return args.list("tcp").map((entry) => {
    const [, port = "", target] = /^(\d+)(?::(.+))?$/.exec(entry) ?? [];
    const first = entry.split(":")[0] ?? "";
    if (port === "") throw new CommandError(`strconv.ParseUint: parsing ${JSON.stringify(first)}: invalid syntax`);
    if (Number(port) > 65_535)
      throw new CommandError(`strconv.ParseUint: parsing ${JSON.stringify(first)}: value out of range`);
    return {
      name: entry.replace(":", "-"),
      ...(nodePort === undefined || nodePort === 0 ? {} : { nodePort }),
      port: Number(port),
      protocol: "TCP",
      targetPort: target === undefined ? Number(port) : /^\d+$/.test(target) ? Number(target) : target,
    };
  });
}

function make(args: Args, type: string, more: Record<string, unknown>) {
  const name = args.words[0] ?? "";
  const labels = { app: name };
  return {
    kind: "Service",
    apiVersion: "v1",
    metadata: metadataOf(name, labels),
    spec: { ...more, selector: labels, type },
    status: { loadBalancer: {} },
  };
}

function needPorts(list: readonly unknown[]): Record<string, unknown> {
  if (list.length === 0) throw new CommandError("at least one tcp port specifier must be provided");
  return { ports: list };
}

const clusterIp = creation({
  usage: "service clusterip NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]",
  summary: "Create a ClusterIP service",
  flags: {
    ...tcp,
    clusterip: text("Assign your own ClusterIP or set to 'None' for a 'headless' service (no loadbalancing)."),
  },
  make: (args) => {
    const address = args.text("clusterip");
    const list = ports(args);
    if (list.length === 0 && address !== "None")
      throw new CommandError("at least one tcp port specifier must be provided");
    return make(args, "ClusterIP", {
      ...(address === "" ? {} : { clusterIP: address }),
      ...(list.length === 0 ? {} : { ports: list }),
    });
  },
});

const externalName = creation({
  usage: "service externalname NAME --external-name external.name [--dry-run=server|client|none]",
  summary: "Create an ExternalName service",
  flags: { ...tcp, "external-name": text("External name of service") },
  make: (args) => {
    if (!args.has("external-name")) throw new CommandError('required flag(s) "external-name" not set');
    const list = ports(args);
    return make(args, "ExternalName", {
      externalName: args.text("external-name"),
      ...(list.length === 0 ? {} : { ports: list }),
    });
  },
});

const loadBalancer = creation({
  usage: "service loadbalancer NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
  summary: "Create a LoadBalancer service",
  flags: tcp,
  make: (args) => make(args, "LoadBalancer", needPorts(ports(args))),
});

const nodePort = creation({
  usage: "service nodeport NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
  summary: "Create a NodePort service",
  flags: { ...tcp, "node-port": number("Port used to expose the service on each node in a cluster.") },
  make: (args) => make(args, "NodePort", needPorts(ports(args, args.number("node-port")))),
});

const entry = (command: Command) => ({ summary: command.summary, load: () => Promise.resolve(command) });

export const service: Command = {
  usage: "create service (clusterip | externalname | loadbalancer | nodeport) [options]",
  summary: "Create a service using a specified subcommand",
  flags: {},
  subcommands: {
    clusterip: entry(clusterIp),
    externalname: entry(externalName),
    loadbalancer: entry(loadBalancer),
    nodeport: entry(nodePort),
  },
};
