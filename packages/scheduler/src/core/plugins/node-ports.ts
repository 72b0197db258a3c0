// NodePorts: two pods cannot hold the same host port, protocol and address on one node.
import { definePlugin, unfit } from "../plugin.ts";
import type { NodeState } from "../node-state.ts";
import { hostPorts } from "../placed-pod.ts";
import type { HostPort } from "../placed-pod.ts";

const rejection = unfit("node(s) didn't have free ports for the requested pod ports");

export const nodePorts = definePlugin<readonly HostPort[]>({
  name: "NodePorts",
  scope: "node",
  prepare: hostPorts,
  filters: (wanted) => wanted.length > 0,
  filter: (wanted, node) => (conflict(wanted, node) === undefined ? undefined : rejection),
  explain: (wanted, node) => {
    const found = conflict(wanted, node);
    return `host port ${found?.port.port}/${found?.port.protocol} is held by ${found?.holder}`;
  },
  wakes: {
    "node-added": () => true,
    "pod-gone": ({ pod: gone }, pod) =>
      hostPorts(gone).some((held) => hostPorts(pod).some((wanted) => clash(wanted, held))),
  },
});

function conflict(
  wanted: readonly HostPort[],
  node: NodeState,
): { readonly port: HostPort; readonly holder: string } | undefined {
  if (node.portHolders === 0) return undefined;
  for (const { key, ports } of node.pods.values())
    for (const held of ports) {
      const port = wanted.find((one) => clash(one, held));
      if (port !== undefined) return { port, holder: key };
    }
  return undefined;
}

function clash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === "0.0.0.0" || b.ip === "0.0.0.0");
}
