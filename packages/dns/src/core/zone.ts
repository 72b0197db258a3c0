// The Kubernetes DNS specification (1.1.0) as a function: question and view in, answer out.
//
//   SERVICE.NS.svc.ZONE             A, AAAA: cluster addresses, or those of ready endpoints (headless); CNAME (ExternalName)
//   HOST.SERVICE.NS.svc.ZONE        A, AAAA: the endpoint with that host name, or 10-244-1-7 for its address
//   _PORT._PROTO.SERVICE.NS.svc.ZONE  SRV
//   10-244-1-7.NS.pod.ZONE          A, AAAA: the address that the name spells
//   …in-addr.arpa, …ip6.arpa        PTR: services and endpoints
//   dns-version.ZONE                TXT
//   ZONE, ns.dns.ZONE               SOA and NS; the server's own address
//
// A name that exists without the type asked for has no data; a name that does not exist is NXDOMAIN, also that of a
// headless service without ready endpoints. Forwarding is not decided here beyond "not ours".
import type { Service } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { answerAddresses, found, noData, noSuchName, notOurs } from "./answer.ts";
import type { Answer, Question, Record } from "./answer.ts";
import { addressOfLabel, addressOfReverseName } from "./ip.ts";
import { answerPort, answerService } from "./service.ts";
import { endpointsOf } from "./endpoint.ts";
import type { EndpointSlice } from "./endpoint.ts";

/** What the cluster looks like right now; reads only. */
export interface ClusterView {
  hasNamespace(name: string): boolean;
  service(namespace: string, name: string): DeepReadonly<Service> | undefined;
  slicesOf(namespace: string, service: string): readonly EndpointSlice[];
  servicesAt(address: string): readonly DeepReadonly<Service>[];
  slicesAt(address: string): readonly EndpointSlice[];
}

export interface ZoneConfig {
  /** For example "cluster.local". */
  readonly domain: string;
  /** The address that the server answers on, for the zone's name server record. */
  readonly serverAddress: string;
  /** Whether only the cluster can know this address's name. */
  readonly ownsAddress: (address: string) => boolean;
}

const specificationVersion = "1.1.0";

export function answer(question: Question, view: ClusterView, config: ZoneConfig): Answer {
  const { name } = question;
  const { domain } = config;
  if (name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa")) return answerReverse(question, view, config);
  if (name === domain) return answerApex(question, config);
  if (!name.endsWith(`.${domain}`)) return notOurs;
  const labels = name.slice(0, -domain.length - 1).split(".");
  const kind = labels.pop();
  const namespace = labels.pop();
  switch (kind) {
    case "svc":
      if (namespace === undefined) return noData;
      if (!view.hasNamespace(namespace)) return noSuchName;
      return labels.length === 0 ? noData : answerBelowNamespace(question, labels, namespace, view, config);
    case "pod":
      if (namespace === undefined) return noData;
      if (!view.hasNamespace(namespace)) return noSuchName;
      return labels.length === 0 ? noData : answerPod(question, labels);
    case "dns":
      if (namespace === undefined) return noData;
      return namespace === "ns" && labels.length === 0 ? answerAddresses(question, [config.serverAddress]) : noSuchName;
    case "dns-version":
      if (namespace !== undefined) return noSuchName;
      return question.type === "TXT" ? found([{ type: "TXT", name, data: specificationVersion }]) : noData;
    default:
      return noSuchName;
  }
}

function answerApex({ name, type }: Question, { domain, serverAddress }: ZoneConfig): Answer {
  const server = `ns.dns.${domain}`;
  switch (type) {
    case "SOA":
    case "ANY":
      return { kind: "authority" };
    case "NS": {
      const address = answerAddresses({ name: server, type: "ANY" }, [serverAddress]);
      return found([{ type: "NS", name, data: server }], address.kind === "found" ? address.records : []);
    }
    default:
      return noData;
  }
}

function answerBelowNamespace(
  question: Question,
  labels: readonly string[],
  namespace: string,
  view: ClusterView,
  config: ZoneConfig,
): Answer {
  const name = labels.at(-1) ?? "";
  const service = view.service(namespace, name);
  if (!service) return noSuchName;
  const place = {
    service,
    endpoints: endpointsOf(view.slicesOf(namespace, name)),
    fullName: `${name}.${namespace}.svc.${config.domain}`,
  };
  const below = labels.slice(0, -1);
  switch (below.length) {
    case 0:
      return answerService(question, place);
    case 1: {
      const [host = ""] = below;
      if (host.startsWith("_")) return answerPort(question, place, undefined, host.slice(1));
      return answerAddresses(
        question,
        place.endpoints
          .filter((endpoint) => endpoint.host === host || endpoint.dashed === host)
          .map(({ address }) => address),
      );
    }
    case 2: {
      const [port = "", protocol = ""] = below;
      return port.startsWith("_") && protocol.startsWith("_")
        ? answerPort(question, place, port.slice(1), protocol.slice(1))
        : noSuchName;
    }
    default:
      return noSuchName;
  }
}

/** The name spells the address; that a pod has it is not checked (CoreDNS' "pods insecure", the default). */
function answerPod(question: Question, labels: readonly string[]): Answer {
  const address = labels.length === 1 ? addressOfLabel(labels[0] ?? "") : undefined;
  return answerAddresses(question, address === undefined ? [] : [address]);
}

function answerReverse(question: Question, view: ClusterView, config: ZoneConfig): Answer {
  const address = addressOfReverseName(question.name);
  if (address === undefined) return notOurs;
  const names = [
    ...view
      .servicesAt(address)
      .map(({ metadata }) => `${metadata.name ?? ""}.${metadata.namespace ?? ""}.svc.${config.domain}`),
    ...view.slicesAt(address).flatMap((slice) => {
      const service = slice.metadata.labels?.["kubernetes.io/service-name"] ?? "";
      return endpointsOf([slice])
        .filter((endpoint) => endpoint.address === address)
        .map(
          ({ host, dashed }) => `${host ?? dashed}.${service}.${slice.metadata.namespace ?? ""}.svc.${config.domain}`,
        );
    }),
  ];
  const records = [...new Set(names)].sort().map((data): Record => ({ type: "PTR", name: question.name, data }));
  if (records.length === 0) return config.ownsAddress(address) ? noSuchName : notOurs;
  return question.type === "PTR" || question.type === "ANY" ? found(records) : noData;
}
