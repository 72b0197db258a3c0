// The rules that pods' traffic needs, as values: let it be forwarded, and give what leaves the cluster the machine's
// address. Services are the proxy's business.
import { comment, jump } from "@coxswain/netfilter";
import type { Ruleset } from "@coxswain/netfilter";

/** A chain's name carries the bridge's, so that several agents on one machine do not take each other's for their own. */
const forwardChainOf = (bridge: string): string => `COX-POD-FWD-${bridge}`;
const masqueradeChainOf = (bridge: string): string => `COX-POD-OUT-${bridge}`;

/** Whether a chain is one of this bridge's. */
export function isPodChain(bridge: string): (name: string) => boolean {
  return (name) => name === forwardChainOf(bridge) || name === masqueradeChainOf(bridge);
}

export const podTables = ["nat", "filter"] as const;

export function podRuleset(bridge: string, podCidr: string, clusterCidr: string): Ruleset {
  const forwardChain = forwardChainOf(bridge);
  const masqueradeChain = masqueradeChainOf(bridge);
  return {
    family: "ipv4",
    tables: [
      {
        name: "filter",
        chains: [
          {
            name: forwardChain,
            rules: [
              { inInterface: bridge, matches: [comment("from a pod")], target: { kind: "accept" } },
              { outInterface: bridge, matches: [comment("to a pod")], target: { kind: "accept" } },
              { source: clusterCidr, matches: [comment("from any pod of the cluster")], target: { kind: "accept" } },
              { destination: clusterCidr, matches: [comment("to any pod of the cluster")], target: { kind: "accept" } },
            ],
          },
        ],
        hooks: [{ hook: "FORWARD", rule: { matches: [comment("coxswain pods")], target: jump(forwardChain) } }],
      },
      {
        name: "nat",
        chains: [
          {
            name: masqueradeChain,
            rules: [
              { destination: clusterCidr, target: { kind: "return" } },
              { destination: "224.0.0.0/4", target: { kind: "return" } },
              {
                source: podCidr,
                outInterface: { not: bridge },
                matches: [comment("leaves the cluster")],
                target: { kind: "masquerade" },
              },
            ],
          },
        ],
        hooks: [{ hook: "POSTROUTING", rule: { matches: [comment("coxswain pods")], target: jump(masqueradeChain) } }],
      },
    ],
  };
}
