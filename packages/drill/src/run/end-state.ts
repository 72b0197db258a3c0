// How the cluster stands at the end of a drill, as the API and the engines tell it.
import { deployments, statefulSets } from "@coxswain/api/apps/v1";
import { nodes, pods } from "@coxswain/api/core/v1";
import { quantityMillis } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { isReady } from "../api-load/canary.ts";
import { runningContainers } from "../api-load/observers.ts";
import { workers } from "../cluster/target.ts";
import type { Target } from "../cluster/target.ts";
import type { EndState } from "../recording.ts";

export async function lookAtEnd(
  target: Target,
  client: Client,
  namespace: string,
  converged: { readonly convergedMs: number | undefined; readonly missing: string },
): Promise<EndState> {
  const signal = AbortSignal.timeout(20_000);
  const engines = await Promise.all(
    workers(target).map(async ({ name }) => {
      try {
        return {
          name,
          running: await runningContainers(target, name, ["--filter", "label=coxswain.io/kind=container"]),
        };
      } catch {
        // Said in the verdict: nobody could ask it.
        return { name, running: undefined };
      }
    }),
  );
  const [allPods, allNodes, web, once] = await Promise.all([
    client.resource(pods).list({ signal }),
    client.resource(nodes).list({ signal }),
    client.resource(deployments).get({ namespace, name: "web" }, { signal }),
    client.resource(statefulSets).get({ namespace, name: "once" }, { signal }),
  ]);
  const own = allPods.items.filter(({ metadata }) => metadata.namespace === namespace);
  const count = (app: string): number => own.filter(({ metadata }) => metadata.labels?.["app"] === app).length;
  return {
    ...converged,
    pods: allPods.items.map((pod) => ({
      name: `${pod.metadata.namespace}/${pod.metadata.name}`,
      uid: pod.metadata.uid ?? "",
      node: pod.spec?.nodeName ?? "",
      phase: pod.status?.phase ?? "",
      ready: isReady(pod),
      restarts: (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
      cpuMilli: (pod.spec?.containers ?? []).reduce(
        (sum, { resources }) => sum + milli(resources?.requests?.["cpu"]),
        0,
      ),
      memory: (pod.spec?.containers ?? []).reduce(
        (sum, { resources }) => sum + milli(resources?.requests?.["memory"]) / 1000,
        0,
      ),
    })),
    nodes: allNodes.items.map(({ metadata, status }) => ({
      name: metadata.name ?? "",
      cpuMilli: milli(status?.allocatable?.["cpu"]),
      memory: milli(status?.allocatable?.["memory"]) / 1000,
      pods: milli(status?.allocatable?.["pods"]) / 1000,
    })),
    workloads: [
      { name: "deployment/web", wanted: web.spec?.replicas ?? 0, found: count("web") },
      { name: "statefulset/once", wanted: once.spec?.replicas ?? 0, found: count("once") },
    ],
    containers: engines.flatMap(({ running }) => running ?? []),
    unasked: engines.filter(({ running }) => running === undefined).map(({ name }) => name),
  };
}

/** Thousandths, as a number: exact enough to compare sums. */
function milli(text: string | undefined): number {
  return text === undefined ? 0 : quantityMillis(text);
}
