// The relays of userspace mode: one listener per service port (and one more for those that use this node's backends only),
// each on a port that the kernel picks. A relay lives as long as its service: a change of backends cuts no connection.
import type { Clock } from "@coxswain/clock";
import type { Family } from "../../core/address.ts";
import { createRotation } from "../../core/rotation.ts";
import type { Rotation } from "../../core/rotation.ts";
import { relayKey } from "../../core/portals.ts";
import type { RelayPorts } from "../../core/portals.ts";
import type { ServicePort } from "../../core/service-port.ts";
import { createTcpRelay } from "./tcp.ts";
import { createUdpRelay } from "./udp.ts";

export interface Relay {
  readonly port: number;
  close(): void;
}

export interface Relays {
  /** Opens what is missing, closes what is not wanted, and says where each relay listens. */
  update(ports: readonly ServicePort[]): Promise<RelayPorts>;
  stop(): void;
}

export function createRelays(family: Family, { clock }: { readonly clock: Clock }): Relays {
  const host = family === "ipv4" ? "0.0.0.0" : "::";
  const open = new Map<string, { readonly relay: Relay; readonly rotation: Rotation }>();
  return {
    async update(ports) {
      const wanted = new Set<string>();
      for (const port of ports) {
        if (port.protocol === "sctp") continue;
        for (const scope of ["cluster", "local"] as const) {
          const backends = scope === "local" ? port.localBackends : port.backends;
          const used = scope === "cluster" || port.internalPolicy === "Local" || port.externalPolicy === "Local";
          if (!used || backends.length === 0) continue;
          const key = relayKey(port, scope);
          wanted.add(key);
          const rotation = open.get(key)?.rotation ?? createRotation();
          rotation.update(backends, port.affinitySeconds);
          if (open.has(key)) continue;
          const create = port.protocol === "udp" ? createUdpRelay : createTcpRelay;
          open.set(key, { relay: await create(host, rotation, clock), rotation });
        }
      }
      for (const [key, { relay }] of open) {
        if (wanted.has(key)) continue;
        relay.close();
        open.delete(key);
      }
      return new Map([...open].map(([key, { relay }]) => [key, relay.port]));
    },
    stop() {
      for (const { relay } of open.values()) relay.close();
      open.clear();
    },
  };
}
