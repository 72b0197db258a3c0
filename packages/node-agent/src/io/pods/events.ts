// Pods' events, in the shape that the cluster's recorder takes.
import type { EventRecorder } from "@coxswain/controller";
import { containersOf } from "../../core/pod/lifecycle.ts";
import type { PodEvents } from "../../ports.ts";

export function createPodEvents(recorder: EventRecorder): PodEvents {
  return {
    record(pod, container, type, reason, message) {
      const isOf = (candidates: readonly { readonly name: string }[]): boolean =>
        candidates.some((candidate) => candidate.name === container);
      const { init, ephemeral } = containersOf(pod);
      const section = isOf(init) ? "initContainers" : isOf(ephemeral) ? "ephemeralContainers" : "containers";
      const object = { apiVersion: "v1", kind: "Pod", metadata: pod.metadata };
      recorder.record(
        container === undefined ? object : { ...object, fieldPath: `spec.${section}{${container}}` },
        type,
        reason,
        message,
      );
    },
  };
}
