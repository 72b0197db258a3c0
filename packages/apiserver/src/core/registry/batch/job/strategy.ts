// Jobs: unless told otherwise, the selector and the pods' labels are made of the job's uid.
import type { Loose, Strategy } from "../../strategy.ts";
import { memberOf } from "../../strategy.ts";

export const jobStrategy: Strategy = {
  countsGenerations: true,
  orphansByDefault: true,
  prepareForCreate(job) {
    const loose = job as Loose;
    const spec = { ...memberOf(job, "spec") };
    if (spec["manualSelector"] === true) return;
    const template = { ...memberOf(spec, "template") };
    const metadata = { ...memberOf(template, "metadata") };
    const uid = job.metadata.uid ?? "";
    const own = {
      "batch.kubernetes.io/job-name": job.metadata.name ?? "",
      "batch.kubernetes.io/controller-uid": uid,
      "job-name": job.metadata.name ?? "",
      "controller-uid": uid,
    };
    metadata["labels"] = { ...memberOf(metadata, "labels"), ...own };
    template["metadata"] = metadata;
    const selector = memberOf(spec, "selector");
    spec["selector"] = {
      ...selector,
      matchLabels: { ...memberOf(selector, "matchLabels"), "batch.kubernetes.io/controller-uid": uid },
    };
    spec["template"] = template;
    loose["spec"] = spec;
  },
};

export const cronJobStrategy: Strategy = {
  countsGenerations: true,
};
