// Where a proxy subresource leads. Names may carry a scheme and a port: "web", "web:80", "https:web:metrics".
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Node, Pod, Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { ObjectReader } from "../../core/request.ts";
import { agentOf, type AgentTls } from "./agent.ts";
import type { Target } from "./forward.ts";
import { splitProxyName } from "../../core/proxy-name.ts";

/** Not verified: a pod's certificate is its own business. */
const anyCertificate: AgentTls = { cert: undefined, key: undefined, ca: undefined };

export function nodeTarget(node: Node, asked: string, path: string, tls: AgentTls): Target {
  const { port } = splitProxyName(asked, "node");
  const agent = agentOf(node, tls);
  if (port === "" || Number(port) === agent.port) return { ...agent, path };
  return { host: agent.host, port: Number(port), tls: undefined, path };
}

export function podTarget(pod: Pod, asked: string, path: string): Target {
  const { scheme, port } = splitProxyName(asked, "pod");
  const host = pod.status?.podIP ?? "";
  if (host === "") throw new StatusError(statuses.badRequest("address not allowed"));
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const number =
    port === ""
      ? (ports[0]?.containerPort ?? 80)
      : (ports.find(({ name }) => name === port)?.containerPort ?? Number(port));
  return { host, port: number, tls: scheme === "https" ? anyCertificate : undefined, path };
}

/** A ready endpoint of the service, the first that its slices name. */
export function serviceTarget(reader: ObjectReader, namespace: string, asked: string, path: string): Target {
  const { scheme, name, port } = splitProxyName(asked, "service");
  const service = reader.view({ group: "", resource: "services" }).get(namespace, name) as Service | undefined;
  if (service === undefined) throw new StatusError(statuses.notFound({ group: "", resource: "services" }, name));
  const ports = service.spec?.ports ?? [];
  const chosen =
    port === "" && ports.length === 1
      ? ports[0]
      : ports.find((candidate) => candidate.name === port || String(candidate.port) === port);
  const unavailable = new StatusError(
    statuses.serviceUnavailable(`no endpoints available for service ${JSON.stringify(asked)}`),
  );
  if (chosen === undefined)
    throw /^\d+$/.test(port)
      ? new StatusError(
          statuses.serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`),
        )
      : unavailable;
  for (const object of reader.view({ group: "discovery.k8s.io", resource: "endpointslices" }).list(namespace)) {
    const slice = object as EndpointSlice;
    if (slice.metadata.labels?.["kubernetes.io/service-name"] !== name) continue;
    const number = (slice.ports ?? []).find((candidate) => (candidate.name ?? "") === (chosen.name ?? ""))?.port;
    const endpoint = (slice.endpoints ?? []).find(({ conditions }) => conditions?.ready !== false);
    const host = endpoint?.addresses[0];
    if (number !== undefined && host !== undefined)
      return { host, port: number, tls: scheme === "https" ? anyCertificate : undefined, path };
  }
  throw unavailable;
}
