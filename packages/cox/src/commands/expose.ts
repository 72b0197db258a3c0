// `cox expose`: a service in front of what is there, its ports and selector read from it.
import { bool, dryRunFlag, fieldManagerFlag, filenameFlags, outputFlags, text, validateFlag } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { createNow, metadataOf, overridden, overrideFlags, pairs } from "../create/creation.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";

export const expose: Command = {
  usage:
    "expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type] [options]",
  summary: "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
  examples: `
# Port 80 to the pods' port 8000
cox expose deployment nginx --port=80 --target-port=8000`,
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag("kubectl-expose"),
    ...validateFlag,
    ...overrideFlags,
    "save-config": bool("If true, the configuration of current object will be saved in its annotation."),
    "cluster-ip": text(
      "ClusterIP to be assigned to the service. Leave empty to auto-allocate, or set to 'None' to create a headless service.",
    ),
    "external-ip": text("Additional external IP address (not managed by Kubernetes) to accept for the service."),
    labels: text("Labels to apply to the service created by this call.", { short: "l" }),
    "load-balancer-ip": text("IP to assign to the LoadBalancer."),
    name: text("The name for the newly created object."),
    port: text("The port that the service should serve on."),
    protocol: text("The network protocol for the service to be created. Default is 'TCP'."),
    selector: text("A label selector to use for this service."),
    "session-affinity": text(
      "If non-empty, set the session affinity for the service to this; legal values: 'None', 'ClientIP'",
    ),
    "target-port": text("Name or number for the port on the container that the service should direct traffic to."),
    type: text("Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName."),
  },
  run: async (session, args) => {
    const infos = await collect(session, args, { latest: true, selectors: false });
    for (const info of infos) {
      const service = serviceFor(args, info.object, info.name);
      const placed = {
        ...service,
        metadata: { ...service.metadata, ...(info.namespace === undefined ? {} : { namespace: info.namespace }) },
      };
      await createNow(session, args, await overridden(args, placed), "exposed");
    }
  },
};

function serviceFor(args: Args, object: Obj, name: string): Obj {
  const spec = part(object["spec"]);
  const selector =
    args.text("selector") === "" ? selectorOf(object) : pairs(args.text("selector").split(","), "selector");
  const ports = portsFor(
    args,
    object.kind === "Service"
      ? []
      : list(part(part(spec["template"])["spec"] ?? spec)["containers"] ?? spec["containers"]).flatMap((container) =>
          list(container["ports"]),
        ),
    list(spec["ports"]),
  );
  const labels = args.text("labels") === "" ? object.metadata.labels : pairs(args.text("labels").split(","), "label");
  return {
    kind: "Service",
    apiVersion: "v1",
    metadata: metadataOf(args.text("name") || name, labels),
    spec: {
      ...(args.text("cluster-ip") === "" ? {} : { clusterIP: args.text("cluster-ip") }),
      ...(args.text("external-ip") === "" ? {} : { externalIPs: [args.text("external-ip")] }),
      ...(args.text("load-balancer-ip") === "" ? {} : { loadBalancerIP: args.text("load-balancer-ip") }),
      ...(ports.length === 0 ? {} : { ports }),
      selector,
      ...(args.text("session-affinity") === "" ? {} : { sessionAffinity: args.text("session-affinity") }),
      ...(args.text("type") === "" ? {} : { type: args.text("type") }),
    },
    status: { loadBalancer: {} },
  };
}

function selectorOf(object: Obj): unknown {
  const spec = part(object["spec"]);
  if (object.kind === "Pod") {
    if (object.metadata.labels === undefined)
      throw new CommandError(
        "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed",
      );
    return object.metadata.labels;
  }
  if (["Service", "ReplicationController"].includes(object.kind)) {
    if (spec["selector"] === undefined)
      throw new CommandError(
        "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set",
      );
    return spec["selector"];
  }
  const { matchLabels, matchExpressions } = part(spec["selector"]);
  if (!["Deployment", "ReplicaSet"].includes(object.kind))
    throw new CommandError(
      `cannot expose a ${object.kind}${object.apiVersion.includes("/") ? `.${object.apiVersion.split("/")[0]}` : ""}`,
    );
  if (list(matchExpressions).length > 0)
    throw new CommandError(
      `couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - "${JSON.stringify(matchExpressions)}" to map-based selector format`,
    );
  return matchLabels;
}

function portsFor(
  args: Args,
  containerPorts: readonly Record<string, unknown>[],
  servicePorts: readonly Record<string, unknown>[],
): unknown[] {
  const given = args.text("port");
  const found =
    servicePorts.length > 0
      ? servicePorts.map((port) => ({ number: str(port["port"]), protocol: str(port["protocol"]) }))
      : containerPorts.map((port) => ({
          number: str(port["containerPort"]),
          protocol: str(port["protocol"]) || "TCP",
        }));
  const wanted =
    given === ""
      ? found
      : given
          .split(",")
          .map((number) => ({ number, protocol: found.find((each) => each.number === number)?.protocol ?? "TCP" }));
  if (wanted.length === 0 && args.text("cluster-ip") !== "None")
    throw new CommandError("couldn't find port via --port flag or introspection");
  for (const { number } of wanted)
    if (!/^\d+$/.test(number))
      throw new CommandError(`strconv.Atoi: parsing ${JSON.stringify(number)}: invalid syntax`);
  const target = args.text("target-port");
  return wanted.map(({ number, protocol }, at) => ({
    ...(wanted.length > 1 ? { name: `port-${at + 1}` } : {}),
    port: Number(number),
    protocol: args.text("protocol") || protocol,
    targetPort: target === "" ? Number(number) : /^\d+$/.test(target) ? Number(target) : target,
  }));
}
