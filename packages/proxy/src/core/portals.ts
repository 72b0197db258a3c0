// Userspace mode's rules are those of iptables with one backend per service: the relay on this node. Whatever is said of
// addresses, policies and refusals stays as it is.
import type { Backend } from "./endpoints.ts";
import type { ServicePort } from "./service-port.ts";

export type RelayScope = "cluster" | "local";
/** Where relays listen, by `relayKey`. */
export type RelayPorts = ReadonlyMap<string, number>;

export function relayKey({ id, protocol }: ServicePort, scope: RelayScope): string {
  return `${id} ${protocol} ${scope}`;
}

/** The same ports with their relays as backends; the empty address stands for this node. SCTP has no relay. */
export function portals(ports: readonly ServicePort[], relays: RelayPorts): readonly ServicePort[] {
  return ports.map((port) => {
    const relay = (scope: RelayScope): readonly Backend[] => {
      const number = relays.get(relayKey(port, scope));
      return number === undefined ? [] : [{ address: "", port: number }];
    };
    // The relay itself remembers clients.
    return { ...port, affinitySeconds: undefined, backends: relay("cluster"), localBackends: relay("local") };
  });
}
