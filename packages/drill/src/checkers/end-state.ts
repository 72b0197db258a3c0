// How things stand when everything was healed: exact replica counts, no container that the API does not know, no node that was promised
// to more than it has, and all of it within a bound.
import type { EndState } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

export function checkEndState(end: EndState | undefined, convergeMs: number): readonly Verdict[] {
  if (end === undefined) {
    const unknown = "the drill did not come to its end";
    return ["convergence", "exact replica counts", "no orphan containers", "no over-commitment"].map((promise) =>
      verdict(promise, 0, [], "", unknown),
    );
  }
  return [convergence(end, convergeMs), replicas(end), orphans(end), commitment(end)];
}

function convergence({ convergedMs, missing }: EndState, bound: number): Verdict {
  const because =
    convergedMs === undefined
      ? `not whole ${bound / 1000} s after the last healing: ${missing}`
      : convergedMs > bound
        ? `whole after ${(convergedMs / 1000).toFixed(1)} s, bound ${bound / 1000} s`
        : undefined;
  return verdict(
    "convergence",
    1,
    because === undefined ? [] : [{ because, drawing: missing }],
    `everything was whole ${((convergedMs ?? 0) / 1000).toFixed(1)} s after the last healing (bound ${bound / 1000} s)`,
  );
}

function replicas({ workloads }: EndState): Verdict {
  const violations = workloads
    .filter(({ wanted, found }) => wanted !== found)
    .map(({ name, wanted, found }): Violation => ({
      because: `${name} has ${found} pods, wanted ${wanted}`,
      drawing: "",
    }));
  const looked = workloads.map(({ name, found }) => `${name} ${found}`).join(", ");
  return verdict(
    "exact replica counts",
    workloads.length,
    violations,
    looked,
    workloads.length === 0 ? "there was no workload" : undefined,
  );
}

function orphans({ containers, pods, unasked }: EndState): Verdict {
  const known = new Set(pods.map(({ uid }) => uid));
  const violations = containers
    .filter(({ uid }) => !known.has(uid))
    .map(({ machine, id, pod, uid }): Violation => ({
      because: `${machine} runs a container of ${pod} that the API does not know`,
      drawing: `${machine}: ${id.slice(0, 12)} ${pod} uid ${uid}`,
    }));
  return verdict(
    "no orphan containers",
    containers.length,
    violations,
    `${containers.length} running containers, each of a pod that the API knows`,
    unasked.length > 0 ? `nobody could ask the engine of ${unasked.join(", ")}` : undefined,
  );
}

function commitment({ nodes, pods }: EndState): Verdict {
  const violations = nodes.flatMap((node): Violation[] => {
    const own = pods.filter(({ node: on, phase }) => on === node.name && phase !== "Succeeded" && phase !== "Failed");
    const cpu = own.reduce((sum, { cpuMilli }) => sum + cpuMilli, 0);
    const memory = own.reduce((sum, pod) => sum + pod.memory, 0);
    const over = [
      ...(cpu > node.cpuMilli ? [`${cpu}m of ${node.cpuMilli}m CPU`] : []),
      ...(memory > node.memory ? [`${memory} of ${node.memory} bytes`] : []),
      ...(own.length > node.pods ? [`${own.length} of ${node.pods} pods`] : []),
    ];
    return over.length === 0 ? [] : [{ because: `${node.name} is promised ${over.join(" and ")}`, drawing: "" }];
  });
  return verdict(
    "no over-commitment",
    nodes.length,
    violations,
    `the requests of ${pods.length} pods fit on ${nodes.length} nodes`,
    nodes.length === 0 ? "there is no node" : undefined,
  );
}
