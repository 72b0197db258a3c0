// The apiserver as the way to nodes, pods and services: logs, exec, attach, port-forward and the proxy subresources. Upgraded connections
// are passed through byte by byte; the stream protocols are spoken by the node agent.
//
//   client ══ TLS ══ apiserver ══ TLS, the apiserver's own certificate ══ node agent
//
// Who may do this has been decided before.
import type { IncomingMessage } from "node:http";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Node, Pod } from "@coxswain/api/core/v1";
import type { ObjectReader } from "../../core/request.ts";
import type { Tunnel, TunnelRequest } from "../http/tunnel.ts";
import { agentOf, type AgentTls } from "./agent.ts";
import { attachPath, execPath, logPath, portForwardPath } from "./agent-path.ts";
import { beginAnswer, forwardLog, forwardWhole, type Target } from "./forward.ts";
import { nodeTarget, podTarget, serviceTarget } from "./proxy-target.ts";
import { passUpgrade } from "./upgrade.ts";

export interface NodeTunnelPorts {
  readonly reader: ObjectReader;
  /** Certificate and key to show to agents, and whom to trust; read anew for each connection. */
  readonly tls: () => AgentTls;
}

export function createNodeTunnel(ports: NodeTunnelPorts): Tunnel {
  return {
    async serve(request, raw, response, signal) {
      const target = await targetOf(request);
      if (!isProxy(request) && request.info.subresource !== "log")
        throw target === undefined
          ? unassigned(request)
          : new StatusError(statuses.badRequest("Upgrade request required"));
      if (target === undefined) {
        // A pod that no node has yet has written nothing.
        beginAnswer(response, 204, {});
        response.end();
        return;
      }
      if (needsSlash(request)) {
        const query = request.query.size === 0 ? "" : `?${request.query.toString()}`;
        beginAnswer(response, 301, { location: `${request.info.path}/${query}` });
        response.end();
        return;
      }
      if (isProxy(request)) await forwardWhole(target, request, raw, response, signal);
      else await forwardLog(target, raw, response, signal);
    },
    async upgrade(request, raw, socket, head) {
      const target = await targetOf(request);
      if (target === undefined) throw unassigned(request);
      await passUpgrade(target, raw satisfies IncomingMessage, socket, head);
    },
  };

  async function targetOf(request: TunnelRequest): Promise<Target | undefined> {
    const { info, object, query } = request;
    if (info.subresource === "proxy") {
      const search = query.size === 0 ? "" : `?${query.toString()}`;
      const path = `/${info.rest}${search}`;
      switch (info.resource) {
        case "nodes":
          return nodeTarget(object as Node, info.name, path, ports.tls());
        case "services":
          return serviceTarget(ports.reader, info.namespace, info.name, path);
        default:
          return podTarget(object as Pod, info.name, path);
      }
    }
    const pod = object as Pod;
    const path = agentPath(request, pod);
    const nodeName = pod.spec?.nodeName ?? "";
    if (nodeName === "") return undefined;
    const nodes = { group: "", resource: "nodes" };
    const node = (ports.reader.view(nodes).get("", nodeName) ?? (await ports.reader.read(nodes, "", nodeName))) as
      Node | undefined;
    // Kubernetes speaks of what was asked for, also when it means the node.
    if (node === undefined) throw new StatusError(statuses.notFound({ group: "", resource: "pods" }, nodeName));
    return { ...agentOf(node, ports.tls()), path };
  }
}

function unassigned({ info }: TunnelRequest): StatusError {
  return new StatusError(statuses.badRequest(`pod ${info.name} does not have a host assigned`));
}

function agentPath({ info, query }: TunnelRequest, pod: Pod): string {
  switch (info.subresource) {
    case "log":
      return logPath(pod, query);
    case "exec":
      return execPath(pod, query);
    case "attach":
      return attachPath(pod, query);
    case "portforward":
      return portForwardPath(pod, query);
    default:
      throw new StatusError(statuses.pathNotFound());
  }
}

function isProxy({ info }: TunnelRequest): boolean {
  return info.subresource === "proxy";
}

/** Relative links of a proxied page need the slash that ends its address. */
function needsSlash(request: TunnelRequest): boolean {
  return (
    isProxy(request) && request.info.verb === "get" && request.info.rest === "" && !request.info.path.endsWith("/")
  );
}
