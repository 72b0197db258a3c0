// Pods' events, in the shape that the cluster's recorder takes.
import type { EventRecorder } from "@coxswain/controller";
import type { PodEvents } from "../../ports.ts";

export function createPodEvents(recorder: EventRecorder): PodEvents {
  return {
    record(pod, container, type, reason, message) {
      const section = pod.spec?.initContainers?.some((candidate) => candidate.name === container)
        ? "initContainers"
        : "containers";
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
