// NodePorts: two pods cannot hold the same host port, protocol and address on one node.
import { definePlugin } from "../plugin.ts";
import type { NodeState } from "../cluster.ts";
import type { PodView } from "../resources.ts";

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export const nodePorts = definePlugin<readonly HostPort[]>({
  name: "NodePorts",
  weight: 0,
  prepare: hostPorts,
  filter: (wanted, node) =>
    wanted.length > 0 && conflict(wanted, node) !== undefined
      ? ["node(s) didn't have free ports for the requested pod ports"]
      : undefined,
  explain: (wanted, node) => {
    const found = conflict(wanted, node);
    return `host port ${found?.port.port}/${found?.port.protocol} is held by ${found?.holder}`;
  },
  wakes: (event) => event.type === "node-added" || (event.type === "pod-gone" && hostPorts(event.pod).length > 0),
});

function hostPorts(pod: PodView): readonly HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort > 0)
      .map(({ hostPort = 0, hostIP, protocol }) => ({
        port: hostPort,
        protocol: protocol ?? "TCP",
        ip: hostIP === undefined || hostIP === "" ? "0.0.0.0" : hostIP,
      })),
  );
}

function conflict(
  wanted: readonly HostPort[],
  node: NodeState,
): { readonly port: HostPort; readonly holder: string } | undefined {
  for (const [holder, { pod }] of node.pods) {
    for (const held of hostPorts(pod)) {
      const port = wanted.find(
        (one) =>
          one.port === held.port &&
          one.protocol === held.protocol &&
          (one.ip === held.ip || one.ip === "0.0.0.0" || held.ip === "0.0.0.0"),
      );
      if (port !== undefined) return { port, holder };
    }
  }
  return undefined;
}
