// Puts what is taken right with what services hold: a crash between taking and storing leaves an address that nobody has, a restored
// backup an address that two could get. As Kubernetes' repair loops; every apiserver may run it, all writes compare first.
import type { ApiObject } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";
import type { Service } from "@coxswain/api/core/v1";
import type { ObjectWriter } from "../../../../request.ts";
import { ipAddress, serviceRanges } from "./ip-allocator.ts";
import { inRange, type IpRange } from "./ip-range.ts";
import type { PortAllocator } from "./port-allocator.ts";
import { ipsOf, portsOf } from "./service-allocation.ts";

const addresses = { group: "networking.k8s.io", resource: "ipaddresses" };
const services = { group: "", resource: "services" };

/** Younger ones may belong to a service that is being written right now. */
const orphanAgeMs = 60_000;
/** A port must look unused this many times in a row before it is given back. */
const looksBeforeRelease = 3;

export interface AllocationRepair {
  /** One look and what follows from it; sentences about what was found wrong. Call it every few minutes. */
  run(nowMs: number): Promise<readonly string[]>;
}

export function createAllocationRepair(
  ipRange: IpRange,
  ports: { readonly writer: ObjectWriter; readonly nodePorts: PortAllocator },
): AllocationRepair {
  const { writer, nodePorts } = ports;
  let suspects = new Map<number, number>();
  return {
    async run(nowMs) {
      // What is taken is read before the services: a service written in between is seen, one not yet written is young.
      const held = await writer.readAll(addresses, "");
      const takenPorts = await nodePorts.taken();
      const all = (await writer.readAll(services, "")) as readonly Service[];
      return [...(await repairAddresses(held, all, nowMs)), ...(await repairPorts(takenPorts, all))];
    },
  };

  async function repairAddresses(
    held: readonly ApiObject[],
    all: readonly Service[],
    nowMs: number,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    const owners = new Map<string, Service>();
    for (const service of all) {
      for (const ip of ipsOf(service.spec)) {
        const other = owners.get(ip);
        if (other === undefined) owners.set(ip, service);
        else
          found.push(
            `services ${nameOf(other)} and ${nameOf(service)} have the same address ${ip}; one of them should be made again`,
          );
      }
    }
    const ranges = serviceRanges(ipRange, writer);
    const known = new Set(held.map(({ metadata }) => metadata.name));
    for (const [ip, service] of owners) {
      if (known.has(ip) || !ranges.some((range) => inRange(range, ip))) continue;
      if (
        await writer.createIfAbsent(
          addresses,
          ipAddress(ip, { namespace: service.metadata.namespace ?? "", name: service.metadata.name }),
        )
      ) {
        found.push(`address ${ip} of service ${nameOf(service)} was not marked as taken`);
      }
    }
    for (const { metadata } of held) {
      const bornMs = parseRfc3339(metadata.creationTimestamp ?? "") ?? 0;
      if (owners.has(metadata.name) || bornMs + orphanAgeMs > nowMs) continue;
      // Somebody may have given it back and somebody else have taken it since we looked.
      if (await writer.remove(addresses, "", metadata.name, (now) => now.metadata.uid === metadata.uid))
        found.push(`address ${metadata.name} was taken by no service`);
    }
    return found;
  }

  async function repairPorts(taken: ReadonlySet<number>, all: readonly Service[]): Promise<readonly string[]> {
    const used = new Set(all.flatMap((service) => portsOf(service.spec)));
    const next = new Map<number, number>();
    for (const port of taken) if (!used.has(port)) next.set(port, (suspects.get(port) ?? 0) + 1);
    const leaked = new Set([...next].filter(([, looks]) => looks >= looksBeforeRelease).map(([port]) => port));
    for (const port of leaked) next.delete(port);
    suspects = next;
    await nodePorts.repair(used, leaked);
    return [...leaked].map((port) => `node port ${port} was taken by no service`);
  }
}

function nameOf({ metadata }: Service): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
