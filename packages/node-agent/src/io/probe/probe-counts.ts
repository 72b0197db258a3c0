// How probes went, counted for `/metrics/probes` under the kubelet's name. Counts go with their pod.
import type { Pod } from "@coxswain/api/core/v1";
import { expositionOf } from "../../core/stats/exposition.ts";
import type { Sample } from "../../core/stats/exposition.ts";
import type { ProbeKind } from "../../core/probe/probe.ts";

export interface ProbeCounts {
  count(pod: Pod, container: string, kind: ProbeKind, ok: boolean): void;
  /** Prometheus text; pods that are not among these are forgotten. */
  text(living: ReadonlySet<string>): string;
}

const types: Readonly<Record<ProbeKind, string>> = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" };

export function createProbeCounts(): ProbeCounts {
  const pods = new Map<string, Map<string, { readonly labels: Sample["labels"]; value: number }>>();
  return {
    count({ metadata }, container, kind, ok) {
      const uid = metadata.uid ?? "";
      const result = ok ? "successful" : "failed";
      const counts = pods.get(uid) ?? new Map<string, { readonly labels: Sample["labels"]; value: number }>();
      pods.set(uid, counts);
      const key = `${container} ${kind} ${result}`;
      const labels = {
        ...{ container, namespace: metadata.namespace ?? "", pod: metadata.name, pod_uid: uid },
        ...{ probe_type: types[kind], result },
      };
      counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
    },
    text(living) {
      for (const uid of pods.keys()) if (!living.has(uid)) pods.delete(uid);
      return expositionOf([
        {
          name: "prober_probe_total",
          help: "Cumulative number of a liveness, readiness or startup probe for a container by result.",
          type: "counter",
          samples: [...pods.values()].flatMap((counts) => [...counts.values()]),
        },
      ]);
    },
  };
}
