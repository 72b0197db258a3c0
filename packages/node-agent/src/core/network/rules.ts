// The rules that pods' traffic needs, as values: let it be forwarded, give what leaves the cluster the machine's address,
// and lead ports of the machine to pods that ask for them. Services are the proxy's business.
import { comment, jump } from "@coxswain/netfilter";
import type { Rule, Ruleset } from "@coxswain/netfilter";
import type { HostPort } from "./host-ports.ts";

/** A chain's name carries the bridge's, so that several agents on one machine do not take each other's for their own. */
const forwardChainOf = (bridge: string): string => `COX-POD-FWD-${bridge}`;
const masqueradeChainOf = (bridge: string): string => `COX-POD-OUT-${bridge}`;
const portChainOf = (bridge: string): string => `COX-POD-PORT-${bridge}`;

/** Whether a chain is one of this bridge's. */
export function isPodChain(bridge: string): (name: string) => boolean {
  return (name) => [forwardChainOf(bridge), masqueradeChainOf(bridge), portChainOf(bridge)].includes(name);
}

export const podTables = ["nat", "filter"] as const;

export function podRuleset(
  bridge: string,
  podCidr: string,
  clusterCidr: string,
  hostPorts: readonly HostPort[],
): Ruleset {
  const portChain = portChainOf(bridge);
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
          { name: portChain, rules: hostPorts.map(leadsTo) },
          {
            name: masqueradeChain,
            rules: [
              ...hostPorts.flatMap((port) => answersThrough(port, podCidr)),
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
        hooks: [
          ...(["PREROUTING", "OUTPUT"] as const).map((hook) => ({
            hook,
            rule: {
              matches: [comment("coxswain host ports"), { kind: "destinationType", type: "LOCAL" } as const],
              target: jump(portChain),
            },
          })),
          { hook: "POSTROUTING", rule: { matches: [comment("coxswain pods")], target: jump(masqueradeChain) } },
        ],
      },
    ],
  };
}

function leadsTo({ hostIP, protocol, hostPort, podIP, containerPort }: HostPort): Rule {
  return {
    ...(hostIP === "" ? {} : { destination: hostIP }),
    protocol,
    matches: [{ kind: "destinationPort", port: hostPort }],
    target: { kind: "destinationNat", to: `${podIP}:${containerPort}` },
  };
}

/** A pod or the machine itself that asks through the machine's port must get its answer the same way. */
function answersThrough({ protocol, podIP, containerPort }: HostPort, podCidr: string): readonly Rule[] {
  return [podCidr, "127.0.0.0/8"].map((source) => ({
    source,
    destination: podIP,
    protocol,
    matches: [
      { kind: "destinationPort", port: containerPort },
      { kind: "connection", states: ["DNAT"] },
    ],
    target: { kind: "masquerade" },
  }));
}
