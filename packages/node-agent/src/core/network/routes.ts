// Routes to the pods of other nodes: one per node, by its InternalIP. Pure.
import type { Node } from "@coxswain/api/core/v1";

export interface Route {
  readonly to: string;
  readonly via: string;
}

export function routesTo(nodes: readonly Node[], self: string): readonly Route[] {
  return nodes.flatMap((node) => {
    const via = node.status?.addresses?.find((address) => address.type === "InternalIP")?.address;
    const to = node.spec?.podCIDR;
    return node.metadata?.name === self || !via || !to ? [] : [{ to, via }];
  });
}

/** What to add and what to remove; a node that is its own next hop (several agents on one machine) needs no route. */
export function routeChanges(
  wanted: readonly Route[],
  present: readonly Route[],
  ownAddresses: readonly string[],
): { readonly add: readonly Route[]; readonly remove: readonly Route[] } {
  const useful = wanted.filter((route) => !ownAddresses.includes(route.via));
  const same = (a: Route) => (b: Route) => a.to === b.to && a.via === b.via;
  return {
    add: useful.filter((route) => !present.some(same(route))),
    remove: present.filter((route) => !useful.some(same(route))),
  };
}
