// The virtual servers of IPVS mode, and the addresses that this machine has to have for them. IPVS chooses among backends and stays with one where
// clients shall; who may pass is said by ipvs-rules.ts.
import type { VirtualServer } from "@coxswain/netfilter";
import { isWithin } from "./address.ts";
import { backendsBehind, externalsOf } from "./ipvs-rules.ts";
import type { IpvsConfig } from "./ipvs-rules.ts";
import { perPort } from "./per-port.ts";
import type { ServicePort } from "./service-port.ts";

/** In the order of the ports; of two at the same place the first counts. */
export function virtualServers(ports: readonly ServicePort[], config: IpvsConfig): readonly VirtualServer[] {
  const key = JSON.stringify(config);
  return ports.flatMap((port) => serversOf(port, config, key));
}

const serversOf = perPort((port, config: IpvsConfig): readonly VirtualServer[] => {
  const internal = backendsBehind(port, port.internalPolicy, false);
  const external = backendsBehind(port, port.externalPolicy, true);
  const server = (address: string, number: number, servers: VirtualServer["servers"]): VirtualServer => ({
    ...{ protocol: port.protocol, address, port: number, servers },
    ...{ scheduler: config.scheduler, persistentSeconds: port.affinitySeconds },
  });
  const { nodePort } = port;
  return [
    server(port.clusterIp, port.port, internal),
    ...externalsOf(port).map((address) => server(address, port.port, external)),
    ...(nodePort === undefined ? [] : nodePortAddresses(config).map((address) => server(address, nodePort, external))),
  ];
});

/** Where node ports are served: on the machine's addresses within the ranges, but neither on loopback nor on link-local ones. */
function nodePortAddresses({ family, hostAddresses, nodePortRanges }: IpvsConfig): readonly string[] {
  const never = family === "ipv4" ? ["127.0.0.0/8", "169.254.0.0/16"] : ["::1/128", "fe80::/10"];
  return hostAddresses.filter(
    (address) =>
      !never.some((range) => isWithin(address, range)) &&
      (nodePortRanges.length === 0 || nodePortRanges.some((range) => isWithin(address, range))),
  );
}

/** The services' addresses, but those that the machine has anyway. */
export function serviceAddresses(
  ports: readonly ServicePort[],
  { hostAddresses }: Pick<IpvsConfig, "hostAddresses">,
): ReadonlySet<string> {
  const own = new Set(hostAddresses);
  const all = ports.flatMap((port) => [port.clusterIp, ...externalsOf(port)]);
  return new Set(all.filter((address) => !own.has(address)));
}
