// Jobs: unless told otherwise, the selector and the pods' labels are made of the job's uid. What the client has said of them stays, and is
// refused where it is something else.
import { jsonEqual } from "@coxswain/apimachinery";
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
    const given = memberOf(metadata, "labels");
    metadata["labels"] = { ...own, ...given };
    // Labels that the job has of its template grow with them.
    if (jsonEqual(job.metadata.labels ?? {}, given))
      job.metadata.labels = { ...own, ...given } as Record<string, string>;
    template["metadata"] = metadata;
    const selector = memberOf(spec, "selector");
    spec["selector"] = {
      ...selector,
      matchLabels: { "batch.kubernetes.io/controller-uid": uid, ...memberOf(selector, "matchLabels") },
    };
    spec["template"] = template;
    loose["spec"] = spec;
  },
};

export const cronJobStrategy: Strategy = {
  countsGenerations: true,
};
