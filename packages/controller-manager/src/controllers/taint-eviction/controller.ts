// Deletes pods that may not stay on their tainted nodes. Everything is in the objects (the taint's time, the toleration's
// seconds), so that a restart loses no deadline; only a taint without a time, as people write them, counts from when it was
// first seen here.
import { pods as podResource } from "@coxswain/api/core/v1";
import type { Node, Taint } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { rfc3339, rfc3339Micro } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { planEviction } from "./plan.ts";

export function createTaintEvictionController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const nodes = informers.nodes();
  const pods = informers.pods();
  const podClient = client.resource(podResource);
  const events = ports.events("taint-eviction-controller");

  /** Pods that will have to leave when their time is over. */
  const leaving = new Set<string>();

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const pod = pods.get(key);
    const node = pod?.spec?.nodeName === undefined ? undefined : nodes.get(pod.spec.nodeName);
    const wasLeaving = leaving.delete(key);
    if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const eviction = planEviction(pod, dated(node), clock.now());
    if (eviction.kind === "wait") {
      leaving.add(key);
      return { wakeAfterMs: eviction.forMs };
    }
    if (eviction.kind === "stay") {
      if (wasLeaving) events.record(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
      return;
    }
    log.info(
      { controller: "taint-eviction", object: key, node: node.metadata.name, because: eviction.because },
      "evicting a pod",
    );
    events.record(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
    await evict(pod, signal);
  };

  /** By node, then by taint: when a taint without a time was first seen. */
  const firstSeen = new Map<string, ReadonlyMap<string, string>>();
  const dated = ({ metadata, spec }: DeepReadonly<Node>): readonly DeepReadonly<Taint>[] => {
    const before = firstSeen.get(metadata.name);
    const seen = new Map<string, string>();
    const taints = (spec?.taints ?? []).map((taint) => {
      if (taint.timeAdded !== undefined || taint.effect !== "NoExecute") return taint;
      const identity = `${taint.key}=${taint.value ?? ""}`;
      const timeAdded = before?.get(identity) ?? rfc3339Micro(clock.now());
      seen.set(identity, timeAdded);
      return { ...taint, timeAdded };
    });
    if (seen.size > 0) firstSeen.set(metadata.name, seen);
    else firstSeen.delete(metadata.name);
    return taints;
  };

  const evict = async (pod: ReadonlyPod, signal: AbortSignal): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    const reason = {
      type: "DisruptionTarget",
      status: "True" as const,
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    };
    const conditions = (pod.status?.conditions ?? []).filter((condition) => condition.type !== "DisruptionTarget");
    const status = { conditions: [...conditions, { ...reason, lastTransitionTime: rfc3339(clock.now()) }] };
    try {
      // A patch: the controller's role may not replace a status.
      await podClient.patch(
        { namespace, name },
        { metadata: { uid }, status },
        { type: "strategic", subresource: "status", signal },
      );
      await podClient.delete({ namespace, name }, { preconditions: { uid: uid ?? "" }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error; // after a conflict the queue looks again
    }
  };

  const watches = [
    wakeOn(pods, (pod) => (pod.spec?.nodeName === undefined ? [] : [objectKey(pod)])),
    wakeOn(nodes, (node, event) => {
      const changed =
        event.type !== "updated" ||
        JSON.stringify(event.old.spec?.taints) !== JSON.stringify(event.object.spec?.taints);
      return changed ? pods.byIndex("node", node.metadata.name).map(objectKey) : [];
    }),
  ];
  return createLoop({ name: "taint-eviction", watches, reconcile }, ports);
}
