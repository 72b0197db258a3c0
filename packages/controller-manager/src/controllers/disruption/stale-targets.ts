// A pod that was announced as a target of disruption and is still there two minutes later was not disrupted after all: the announcement is
// taken back, so that nobody counts it as ended for that reason. What its node announces, and what has ended, is left alone.
import { pods as podResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { isActive } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

const staleAfterMs = 120_000;

export function createStaleTargets(ports: ControllerPorts): Controller {
  const { client, informers, clock } = ports;
  const pods = informers.pods();
  const podClient = client.resource(podResource);

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const pod = pods.get(key);
    if (pod === undefined || !isTarget(pod)) return;
    const leftMs = announcedMs(pod) + staleAfterMs - clock.now();
    if (leftMs > 0) return { wakeAfterMs: leftMs };
    const lastTransitionTime = rfc3339(clock.now());
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === "DisruptionTarget"
        ? { type: condition.type, status: "False" as const, lastTransitionTime }
        : condition,
    );
    try {
      await podClient.update({ ...pod, status: { ...pod.status, conditions } }, { subresource: "status", signal });
    } catch (error) {
      if (!isNotFound(error)) throw error; // after a conflict the queue looks again
    }
  };

  const watches = [wakeOn(pods, (pod) => (isTarget(pod) ? [objectKey(pod)] : []))];
  return createLoop({ name: "stale_pod_disruption", watches, reconcile, concurrency: 1 }, ports);
}

const targetOf = (pod: ReadonlyPod) =>
  pod.status?.conditions?.find(({ type, status }) => type === "DisruptionTarget" && status === "True");

const isTarget = (pod: ReadonlyPod): boolean => {
  const target = targetOf(pod);
  return target !== undefined && target.reason !== "TerminationByKubelet" && isActive(pod);
};

const announcedMs = (pod: ReadonlyPod): number => parseRfc3339(targetOf(pod)?.lastTransitionTime ?? "") ?? 0;
