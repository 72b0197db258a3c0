// Work that ends: an indexed Job of which one index fails once, a Job that only counts, a CronJob that may not overlap.
import { cronJobs, jobs } from "@coxswain/api/batch/v1";
import type { CronJob, Job } from "@coxswain/api/batch/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import type { ReadonlyPod } from "../../../src/pods/state.ts";
import { readyStatus } from "../../world.ts";
import type { Scenario, Stage } from "../scenario.ts";
import { template } from "./workloads.ts";

const indexOf = (pod: ReadonlyPod): string =>
  pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"] ?? "";

const podTemplate = (() => {
  const { metadata, spec } = template("a");
  return { metadata, spec: { ...spec, restartPolicy: "Never" as const } };
})();

/** Runs a pod for a moment; `fails` says which end badly. */
const worker =
  (fails: (pod: Pod) => boolean) =>
  (pod: Pod, { clock }: Stage): Pod["status"] | undefined => {
    if (pod.status?.phase === "Running") return { phase: fails(pod) ? "Failed" : "Succeeded" };
    return pod.status?.phase === undefined ? readyStatus(rfc3339(clock.now())) : undefined;
  };

const job = (spec: Partial<NonNullable<Job["spec"]>>): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { namespace: "default", name: "web" },
  spec: {
    template: podTemplate,
    // What the server would have filled in.
    selector: { matchLabels: { app: "web" } },
    ...spec,
  },
});

const counts = ({ api, pods, everMade }: Stage): unknown => {
  const { succeeded = 0, failed = 0, active = 0, completedIndexes, conditions = [] } = api.all(jobs)[0]?.status ?? {};
  return {
    ...{ succeeded, failed, active, completedIndexes, made: everMade.size },
    conditions: conditions.filter(({ status }) => status === "True").map(({ type }) => type),
    held: pods().filter(({ metadata }) => (metadata.finalizers ?? []).length > 0).length,
    uncounted: api.all(jobs)[0]?.status?.uncountedTerminatedPods ?? {},
  };
};

const indexed: Scenario = {
  name: "an indexed Job, of which one index fails the first time",
  steps: [
    {
      act: ({ api }) =>
        api.resource(jobs).create(job({ completions: 4, parallelism: 2, completionMode: "Indexed", backoffLimit: 3 })),
    },
  ],
  agent: (pod, stage) =>
    worker(
      (one) =>
        indexOf(one as ReadonlyPod) === "2" &&
        !stage.pods().some((other) => indexOf(other) === "2" && other.status?.phase === "Failed"),
    )(pod, stage),
  broken({ activePods }) {
    const active = activePods().map(indexOf);
    if (new Set(active).size < active.length) return "two pods of one index";
    return active.length > 2 ? `${active.length} pods at a time instead of 2` : undefined;
  },
  end: counts,
  expected: {
    ...{ succeeded: 4, failed: 1, active: 0, completedIndexes: "0-3", made: 5 },
    conditions: ["SuccessCriteriaMet", "Complete"],
    held: 0,
    uncounted: {},
  },
};

const counted: Scenario = {
  name: "a Job whose pods count, one by one",
  steps: [{ act: ({ api }) => api.resource(jobs).create(job({ completions: 5, parallelism: 2, backoffLimit: 3 })) }],
  agent: worker(() => false),
  broken: ({ activePods, everMade }) =>
    activePods().length > 2 ? "more than 2 pods at a time" : everMade.size > 5 ? "a pod too many" : undefined,
  end: counts,
  expected: {
    ...{ succeeded: 5, failed: 0, active: 0, completedIndexes: undefined, made: 5 },
    conditions: ["SuccessCriteriaMet", "Complete"],
    held: 0,
    uncounted: {},
  },
};

const minutely: Scenario = {
  name: "a CronJob makes one Job a minute",
  steps: [
    {
      act: ({ api }) =>
        api.resource(cronJobs).create({
          apiVersion: "batch/v1",
          kind: "CronJob",
          metadata: { namespace: "default", name: "web" },
          spec: {
            schedule: "* * * * *",
            concurrencyPolicy: "Forbid",
            successfulJobsHistoryLimit: 2,
            jobTemplate: { spec: { ...job({}).spec, completions: 1, parallelism: 1 } as NonNullable<Job["spec"]> },
          },
        } satisfies CronJob),
    },
  ],
  agent: worker(() => false),
  forSeconds: 285,
  broken({ api, activePods }) {
    if (activePods().length > 1) return "two runs at a time";
    const names = api.all(jobs).map(({ metadata }) => metadata.name);
    return names.length > 4 ? `${names.length} jobs are kept` : undefined;
  },
  end: ({ api, everMade }) => ({
    made: everMade.size,
    kept: api.all(jobs).map(({ status }) => status?.succeeded),
    active: api.all(cronJobs)[0]?.status?.active?.length ?? 0,
    last: api.all(cronJobs)[0]?.status?.lastScheduleTime,
  }),
  expected: { made: 4, kept: [1, 1], active: 0, last: "2026-01-01T00:04:00Z" },
};

export const batch: readonly Scenario[] = [indexed, counted, minutely];
