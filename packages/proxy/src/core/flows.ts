// Which flows the kernel remembers although the services say otherwise: those of UDP, and those of TCP that nobody has answered yet. A UDP flow
// never ends by itself as long as packets come, and a client's SYN to a backend that has lost its power is repeated on the same way for minutes (as
// is that of the next client with that port): one that goes to a backend which is gone, or past the service because there was no backend when it
// began, is a black hole until it is forgotten. Connections that were answered are their ends' own. Flows are compared with what shall be, not with
// what has changed.
import { hostPort } from "./address.ts";
import type { ServicePort } from "./service-port.ts";

export type FlowProtocol = "udp" | "tcp";

/** One line of `conntrack -L`: as the client sent it, and where the answers come from. */
export interface Flow {
  readonly protocol: FlowProtocol;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly replySource: string;
  readonly replySourcePort: number;
}

export interface Frontend {
  /** undefined: any address of the node (a node port). */
  readonly address: string | undefined;
  readonly port: number;
  /** "address:port" of every backend that may answer. */
  readonly backends: ReadonlySet<string>;
}

/** Everything that clients may address by that protocol. */
export function frontendsOf(ports: readonly ServicePort[], protocol: FlowProtocol): readonly Frontend[] {
  return ports
    .filter((port) => port.protocol === protocol)
    .flatMap((port) => {
      const backends = new Set([...port.backends, ...port.localBackends].map(hostPort));
      const addresses = [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps];
      return [
        ...addresses.map((address): Frontend => ({ address, port: port.port, backends })),
        ...(port.nodePort ? [{ address: undefined, port: port.nodePort, backends }] : []),
      ];
    });
}

/** Those of the ports that one of the flows may have been meant for. */
export function addressed(ports: readonly ServicePort[], flows: readonly Flow[]): readonly ServicePort[] {
  if (flows.length === 0) return [];
  const asked = new Set(flows.map(({ destinationPort }) => destinationPort));
  return ports.filter(({ port, nodePort }) => asked.has(port) || (nodePort !== undefined && asked.has(nodePort)));
}

/** All of one protocol. `gone` are frontends of services that were deleted: every flow to them is stale. */
export function staleFlows(
  flows: readonly Flow[],
  frontends: readonly Frontend[],
  gone: readonly Frontend[],
): readonly Flow[] {
  const byPort = Map.groupBy(
    [...frontends, ...gone.map((frontend) => ({ ...frontend, backends: new Set<string>() }))],
    ({ port }) => port,
  );
  return flows.filter((flow) => {
    const candidates = byPort.get(flow.destinationPort) ?? [];
    // A packet that merely passes through on a node port's number is not ours: only translated flows are.
    const frontend =
      candidates.find(({ address }) => address === flow.destination) ??
      (flow.replySource === flow.destination ? undefined : candidates.find(({ address }) => address === undefined));
    if (!frontend) return false;
    const untranslated = flow.replySource === flow.destination;
    if (untranslated) return frontend.backends.size > 0;
    // A relay answers from whatever address the node was asked by.
    if (frontend.backends.has(hostPort({ address: "", port: flow.replySourcePort }))) return false;
    return !frontend.backends.has(hostPort({ address: flow.replySource, port: flow.replySourcePort }));
  });
}

/** Frontends that were there before and are not any more. */
export function goneFrontends(before: readonly Frontend[], now: readonly Frontend[]): readonly Frontend[] {
  const kept = new Set(now.map(({ address, port }) => `${address ?? "*"}:${port}`));
  return before.filter(({ address, port }) => !kept.has(`${address ?? "*"}:${port}`));
}
