// Removes pods that nobody else will, every twenty seconds. Asks the API server before believing that a node is gone.
import { nodes as nodeResource, pods as podResource } from "@coxswain/api/core/v1";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { isFinished } from "../../pods/state.ts";
import { planPodGc } from "./plan.ts";
import type { PodRemoval } from "./plan.ts";

const periodMs = 20_000;
const everything = "pods";

export function createPodGcController(
  ports: ControllerPorts,
  config: { readonly terminatedThreshold: number },
): Controller {
  const { client, informers, clock, log } = ports;
  const pods = informers.pods();
  const nodes = informers.nodes();
  const podClient = client.resource(podResource);
  const nodeClient = client.resource(nodeResource);
  const missingSince = new Map<string, number>();

  const missingMs = (node: string): number | undefined => {
    if (nodes.get(node) !== undefined) {
      missingSince.delete(node);
      return undefined;
    }
    const since = missingSince.get(node) ?? clock.monotonic();
    missingSince.set(node, since);
    return clock.monotonic() - since;
  };

  const reconcile = async (_key: string, signal: AbortSignal): Promise<{ wakeAfterMs: number }> => {
    const view = { pods: pods.list(), nodeOf: nodes.get, missingMs, terminatedThreshold: config.terminatedThreshold };
    const confirmed = new Map<string, boolean>();
    for (const removal of planPodGc(view)) {
      const node = removal.pod.spec?.nodeName ?? "";
      if (removal.because === "its node is gone") {
        if (!confirmed.has(node)) confirmed.set(node, await isGone(node, signal));
        if (!confirmed.get(node)) continue;
      }
      await remove(removal, signal);
    }
    return { wakeAfterMs: periodMs };
  };

  const isGone = async (name: string, signal: AbortSignal): Promise<boolean> => {
    try {
      await nodeClient.get({ name }, { signal });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  };

  const remove = async ({ pod, because, reason }: PodRemoval, signal: AbortSignal): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    log.info({ controller: "pod-garbage-collector", object: `${namespace}/${name}`, because }, "removing a pod");
    try {
      if (reason !== undefined && !isFinished(pod)) {
        const target = {
          type: "DisruptionTarget",
          status: "True" as const,
          reason,
          message: `PodGC: ${because}`,
          lastTransitionTime: rfc3339(clock.now()),
        };
        const others = (pod.status?.conditions ?? []).filter((one) => one.type !== "DisruptionTarget");
        // A patch: the controller's role may not replace a status.
        await podClient.patch(
          { namespace, name },
          { metadata: { uid }, status: { phase: "Failed", conditions: [...others, target] } },
          { type: "strategic", subresource: "status", signal },
        );
      }
      await podClient.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid: uid ?? "" }, signal });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or the next round sees what it has become
    }
  };

  const loop = createLoop(
    {
      name: "pod-garbage-collector",
      concurrency: 1,
      watches: [
        { subscribe: (wake) => (wake([everything]), () => {}), whenSynced: (signal) => pods.whenSynced(signal) },
        wakeOn(nodes, () => []),
        // One that waits for no node need not wait for the next round.
        wakeOn(pods, (pod) =>
          pod.metadata.deletionTimestamp !== undefined && !pod.spec?.nodeName ? [everything] : [],
        ),
      ],
      reconcile,
    },
    ports,
  );
  return loop;
}
