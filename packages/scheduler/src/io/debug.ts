// What the scheduler tells people who ask, as JSON: its last decisions, and what it counts on each node. Behind the certificate
// check, like metrics.
//
//   GET /debug/decisions                    { decisions: [summary, …] }, newest first
//   GET /debug/decisions/NAMESPACE/NAME     a Decision (core/explain.ts): every node with its first failing rule and the
//                                           numbers, or with its scores by rule; 404 if none is remembered
//   GET /debug/nodes                        { nodes: [{ node, pods, resources: { cpu: { allocatable, requested, free } } }] }
import type { ClusterState } from "../core/cluster.ts";
import type { DecisionLog } from "../core/explain.ts";
import type { HttpsServerPorts } from "@coxswain/daemon";

export function debugRoutes(decisions: DecisionLog, cluster: ClusterState): NonNullable<HttpsServerPorts["routes"]> {
  return (app) => {
    app.get("/debug/decisions", (_request, reply) => reply.send({ decisions: decisions.list() }));
    app.get<{ Params: { namespace: string; name: string } }>("/debug/decisions/:namespace/:name", (request, reply) => {
      const { namespace, name } = request.params;
      const decision = decisions.get(`${namespace}/${name}`);
      return decision === undefined
        ? reply.code(404).send({ message: `no decision about pod ${namespace}/${name} is remembered` })
        : reply.send(decision);
    });
    app.get("/debug/nodes", (_request, reply) => reply.send({ nodes: cluster.nodes.map(nodeSummary) }));
  };
}

function nodeSummary(node: ClusterState["nodes"][number]): unknown {
  return {
    node: node.name,
    pods: [...node.pods.keys()].sort(),
    resources: Object.fromEntries(
      [...node.allocatable].map(([name, allocatable]) => {
        // The unit is a thousandth for CPU, one of its kind for everything else.
        const requested = name === "pods" ? node.pods.size : (node.requested.get(name) ?? 0);
        return [name, { allocatable, requested, free: allocatable - requested }];
      }),
    ),
  };
}
