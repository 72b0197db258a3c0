// Service addresses, one owner each across all apiservers: an address is taken by creating the IPAddress object of its name, which the
// store lets succeed once (as Kubernetes does since 1.33). Nothing is remembered here; the view only saves useless tries.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Random } from "@coxswain/clock";
import type { ObjectWriter } from "../../../../request.ts";
import { dynamicStart, inRange, ipAt, type IpRange } from "./ip-range.ts";

const addresses = { group: "networking.k8s.io", resource: "ipaddresses" };

/** Tries at random before the range is searched from end to end. */
const randomTries = 64;

export interface Owner {
  readonly namespace: string;
  readonly name: string;
}

export type IpOutcome =
  | { readonly kind: "allocated"; readonly ip: string }
  | { readonly kind: "taken" }
  | { readonly kind: "outside" }
  | { readonly kind: "full" };

export interface IpAllocator {
  /** A free address; the lower part of the range only when the upper is full. */
  allocateNext(owner: Owner): Promise<IpOutcome>;
  /** This address, if nobody has it. */
  allocate(ip: string, owner: Owner): Promise<IpOutcome>;
  release(ip: string): Promise<void>;
}

export function createIpAllocator(
  range: IpRange,
  ports: { readonly writer: ObjectWriter; readonly random: Random },
): IpAllocator {
  const { writer, random } = ports;
  const view = writer.view(addresses);
  const take = (ip: string, owner: Owner): Promise<boolean> => writer.createIfAbsent(addresses, ipAddress(ip, owner));

  return {
    async allocate(ip, owner) {
      if (!inRange(range, ip)) return { kind: "outside" };
      return (await take(ip, owner)) ? { kind: "allocated", ip } : { kind: "taken" };
    },
    async allocateNext(owner) {
      const start = dynamicStart(range.size);
      for (let i = 0; i < randomTries; i++) {
        const ip = ipAt(range, start + random.int(range.size - start));
        if (view.get("", ip) === undefined && (await take(ip, owner))) return { kind: "allocated", ip };
      }
      for (let i = 0; i < range.size; i++) {
        const ip = ipAt(range, (start + i) % range.size);
        if (view.get("", ip) === undefined && (await take(ip, owner))) return { kind: "allocated", ip };
      }
      return { kind: "full" };
    },
    release: (ip) => writer.remove(addresses, "", ip),
  };
}

/** The object that holds an address for its service. */
export function ipAddress(
  ip: string,
  owner: Owner,
): ApiObject & { spec: { parentRef: { group: string; resource: string; namespace: string; name: string } } } {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: ip,
      labels: {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
      },
    },
    spec: { parentRef: { group: "", resource: "services", namespace: owner.namespace, name: owner.name } },
  };
}
