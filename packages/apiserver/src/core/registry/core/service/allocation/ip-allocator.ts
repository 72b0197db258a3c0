// Service addresses, one owner each across all apiservers: an address is taken by creating the IPAddress object of its name, which the
// store lets succeed once (as Kubernetes does since 1.33). Nothing is remembered here; the view only saves useless tries.
// Ranges other than the flag's are ServiceCIDR objects.
import type { ApiObject } from "@coxswain/apimachinery";
import type { IPAddress, ServiceCIDR } from "@coxswain/api/networking/v1";
import type { Random } from "@coxswain/clock";
import type { ObjectWriter } from "../../../../request.ts";
import { dynamicStart, inRange, ipAt, isIpv4Range, parseIpRange, type IpRange } from "./ip-range.ts";

const ranges = { group: "networking.k8s.io", resource: "servicecidrs" };
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
  /** Nothing happens when it is no longer this owner's. */
  release(ip: string, owner: Owner): Promise<void>;
}

export function createIpAllocator(
  range: IpRange,
  ports: { readonly writer: ObjectWriter; readonly random: Random },
): IpAllocator {
  const { writer, random } = ports;
  const view = writer.view(addresses);
  const take = (ip: string, owner: Owner): Promise<boolean> => writer.createIfAbsent(addresses, ipAddress(ip, owner));

  const takeNext = async (one: IpRange, owner: Owner): Promise<string | undefined> => {
    const start = dynamicStart(one.size);
    for (let i = 0; i < randomTries; i++) {
      const ip = ipAt(one, start + random.int(one.size - start));
      if (view.get("", ip) === undefined && (await take(ip, owner))) return ip;
    }
    for (let i = 0; i < one.size; i++) {
      const ip = ipAt(one, (start + i) % one.size);
      if (view.get("", ip) === undefined && (await take(ip, owner))) return ip;
    }
    return undefined;
  };

  return {
    async allocate(ip, owner) {
      if (!serviceRanges(range, writer).some((one) => inRange(one, ip))) return { kind: "outside" };
      return (await take(ip, owner)) ? { kind: "allocated", ip } : { kind: "taken" };
    },
    async allocateNext(owner) {
      for (const one of serviceRanges(range, writer)) {
        const ip = await takeNext(one, owner);
        if (ip !== undefined) return { kind: "allocated", ip };
      }
      return { kind: "full" };
    },
    async release(ip, owner) {
      await writer.remove(addresses, "", ip, (object) => isOf(object, owner));
    },
  };
}

/** The range of the flag, then those of ServiceCIDR objects that are ready and stay. */
export function serviceRanges(first: IpRange, objects: Pick<ObjectWriter, "view">): readonly IpRange[] {
  const found = [first];
  for (const object of objects.view(ranges).list()) {
    const { metadata, spec, status } = object as ServiceCIDR;
    const ready = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
    if (!ready || metadata.deletionTimestamp !== undefined) continue;
    for (const text of spec?.cidrs ?? [])
      if (isIpv4Range(text) && !found.some((one) => one.text === text)) found.push(parseIpRange(text));
  }
  return found;
}

function isOf(address: ApiObject, { namespace, name }: Owner): boolean {
  const ref = (address as IPAddress).spec?.parentRef;
  return ref?.namespace === namespace && ref.name === name;
}

/** The object that holds an address for its service. */
export function ipAddress(
  ip: string,
  owner: Owner,
): ApiObject & { spec: { parentRef: { resource: string; namespace: string; name: string } } } {
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
    spec: { parentRef: { resource: "services", namespace: owner.namespace, name: owner.name } },
  };
}
