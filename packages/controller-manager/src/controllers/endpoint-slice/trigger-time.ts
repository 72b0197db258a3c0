// When what changed about a Service's endpoints happened: the earliest change since the last look, of the Service's own making or of a pod's
// readiness. Written on slices, it lets proxies say how long a change took to reach them. What is deleted says nothing of when.
import { parseRfc3339 } from "@coxswain/clock";
import { condition } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";

export const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export interface TriggerTimes {
  /** Time of the earliest change that had not been seen, and remembers it as seen; undefined when nothing is new. */
  observe(key: string, service: ReadonlyService, pods: readonly ReadonlyPod[]): number | undefined;
  forget(key: string): void;
}

export function createTriggerTimes(): TriggerTimes {
  const seen = new Map<string, ReadonlyMap<string, number>>();
  return {
    observe(key, service, pods) {
      const before = seen.get(key);
      const now = new Map<string, number>();
      const made = parseRfc3339(service.metadata.creationTimestamp ?? "");
      if (made !== undefined) now.set("", made);
      for (const pod of pods) {
        const at = parseRfc3339(condition(pod, "Ready")?.lastTransitionTime ?? "");
        if (at !== undefined) now.set(pod.metadata.uid ?? pod.metadata.name, at);
      }
      seen.set(key, now);
      const news = [...now].filter(([id, at]) => at > (before?.get(id) ?? 0)).map(([, at]) => at);
      return news.length === 0 ? undefined : Math.min(...news);
    },
    forget: (key) => void seen.delete(key),
  };
}
