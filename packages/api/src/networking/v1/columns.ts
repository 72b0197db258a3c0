/** Tables of the networking kinds, endpoint slices included. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, none, printer, selectorText, type TablePrinter } from "../../table.ts";
import type { EndpointSlice } from "../../discovery/v1/types.ts";
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from "./types.ts";

export const ingressTable: TablePrinter<Ingress> = printer(
  ["Class", "Hosts", "Address", "Ports", "Age"],
  (ingress, now) => {
    const addresses = (ingress.status?.loadBalancer?.ingress ?? [])
      .map(({ ip, hostname }) => ip || hostname || "")
      .filter(Boolean);
    return [
      ingress.spec?.ingressClassName ?? none,
      hosts(ingress),
      [...new Set(addresses)].sort().join(","),
      (ingress.spec?.tls ?? []).length > 0 ? "80, 443" : "80",
      ageOf(ingress, now),
    ];
  },
);

export const ingressClassTable: TablePrinter<IngressClass> = printer(
  ["Controller", "Parameters", "Age"],
  (ingressClass, now) => {
    const parameters = ingressClass.spec?.parameters;
    const group = parameters?.apiGroup;
    const kind = group === undefined ? (parameters?.kind ?? "") : `${parameters?.kind ?? ""}.${group}`;
    return [
      ingressClass.spec?.controller ?? "",
      parameters === undefined ? none : `${kind}/${parameters.name}`,
      ageOf(ingressClass, now),
    ];
  },
);

export const networkPolicyTable: TablePrinter<NetworkPolicy> = printer(["Pod-Selector", "Age"], (policy, now) => [
  selectorText(policy.spec?.podSelector),
  ageOf(policy, now),
]);

export const ipAddressTable: TablePrinter<IPAddress> = printer(["ParentRef", "Age"], (address, now) => {
  const parent = address.spec?.parentRef;
  const text = [parent?.resource, parent?.group, parent?.namespace, parent?.name].filter(Boolean);
  return [
    parent === undefined ? none : parent.group ? text.join("/").replace("/", ".") : text.join("/"),
    ageOf(address, now),
  ];
});

export const serviceCidrTable: TablePrinter<ServiceCIDR> = printer(["CIDRs", "Age"], (range, now) => [
  (range.spec?.cidrs ?? []).join(","),
  ageOf(range, now),
]);

export const endpointSliceTable: TablePrinter<EndpointSlice> = printer(
  ["AddressType", "Ports", "Endpoints", "Age"],
  (slice, now) => {
    const ports = (slice.ports ?? []).map(({ name, port }) => (port === undefined ? (name ?? "*") : String(port)));
    const addresses = (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
    return [slice.addressType, shortList(ports) || "<unset>", shortList(addresses) || "<unset>", ageOf(slice, now)];
  },
);

function hosts(ingress: DeepReadonly<Ingress>): string {
  const rules = ingress.spec?.rules ?? [];
  const shown: string[] = [];
  let isMore = false;
  for (const { host } of rules) {
    if (shown.length === 3) isMore = true;
    else if (host) shown.push(host);
  }
  if (shown.length === 0) return "*";
  return isMore ? `${shown.join(",")} + ${rules.length - 3} more...` : shown.join(",");
}

/** The first three, and how many more there are. */
function shortList(items: readonly string[]): string {
  return items.length > 3 ? `${items.slice(0, 3).join(",")} + ${items.length - 3} more...` : items.join(",");
}
