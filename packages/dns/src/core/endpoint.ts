// Endpoints as names see them: ready ones only, each with its port numbers. The slice controller has already made those
// of a service that publishes unready addresses ready.
import type { EndpointSlice as MutableEndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { familyOf, labelOfAddress } from "./ip.ts";

export type EndpointSlice = DeepReadonly<MutableEndpointSlice>;

export interface Endpoint {
  readonly address: string;
  /** The pod's host name, when it has one. */
  readonly host: string | undefined;
  /** The address as a label: "10-244-1-7", "fd00--7". */
  readonly dashed: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

/** In the order of addresses, so that the same view gives the same answer. */
export function endpointsOf(slices: readonly EndpointSlice[]): readonly Endpoint[] {
  return slices
    .filter((slice) => slice.addressType === "IPv4" || slice.addressType === "IPv6")
    .flatMap((slice) => {
      const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
        port ? [{ name: name ?? "", protocol: (protocol ?? "TCP").toLowerCase(), port }] : [],
      );
      return (slice.endpoints ?? [])
        .filter((endpoint) => endpoint.conditions?.ready ?? true)
        .flatMap(({ addresses: [address], hostname }) =>
          address === undefined || !familyOf(address)
            ? []
            : [{ address, host: hostname || undefined, dashed: labelOfAddress(address), ports }],
        );
    })
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}
