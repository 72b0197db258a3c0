// Makes the Jobs of CronJobs at their times.
import { cronJobs as cronJobResource, jobs as jobResource } from "@coxswain/api/batch/v1";
import type { Job } from "@coxswain/api/batch/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { controllerReference } from "../../ownership/adopt.ts";
import { controlledBy } from "../../ownership/controlled-by.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { planCronJob } from "./plan.ts";
import type { CronJobAction, ReadonlyCronJob } from "./plan.ts";
import { parseSchedule } from "./schedule.ts";

const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export function createCronJobController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const cronJobs = informers.cronJobs();
  const jobs = informers.jobs();
  const writes = createOwnWrites(jobs);
  const ownWrites = createOwnWrites(cronJobs);
  const cronJobClient = client.resource(cronJobResource);
  const jobClient = client.resource(jobResource);
  const creator = createCreator(jobClient, writes);
  const events = ports.events("cronjob-controller");
  /** By CronJob and reason: the time that was told of last. */
  const told = new Map<string, Map<string, number>>();

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const cronJob = cronJobs.get(key);
    if (cronJob === undefined) told.delete(key);
    if (cronJob?.spec === undefined || !writes.areSeen(key) || !ownWrites.areSeen(key)) return; // what is not seen yet will wake us
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const schedule = parseSchedule(cronJob.spec.schedule, cronJob.spec.timeZone);
    if ("wrong" in schedule) {
      events.record(cronJob, "Warning", schedule.reason, schedule.wrong);
      return;
    }
    const owned = jobs.byIndex("owner", cronJob.metadata.uid ?? "");
    const plan = planCronJob({ cronJob, jobs: owned, schedule, nowMs: clock.now() });
    for (const action of plan.actions) {
      if (action.kind === "create")
        log.info({ controller: "cronjob", object: key, job: action.name, because: plan.because }, "making a job");
      await act(key, cronJob, action, signal);
    }
    if (!sameJson(plan.status, cronJob.status ?? {})) {
      const updated = await cronJobClient.update(
        { ...cronJob, status: plan.status },
        { subresource: "status", signal },
      );
      ownWrites.wrote(key, updated as ReadonlyCronJob);
    }
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const act = async (
    key: string,
    cronJob: ReadonlyCronJob,
    action: CronJobAction,
    signal: AbortSignal,
  ): Promise<void> => {
    switch (action.kind) {
      case "tell":
        if (told.get(key)?.get(action.reason) === action.about) return;
        told.set(key, new Map(told.get(key)).set(action.reason, action.about));
        events.record(cronJob, action.type, action.reason, action.message);
        return;
      case "delete": {
        const { namespace, name, uid } = action.job.metadata;
        try {
          await jobClient.delete(
            { namespace, name },
            { propagationPolicy: "Background", preconditions: { uid: uid ?? "" }, signal },
          );
        } catch (error) {
          if (!isNotFound(error) && !isConflict(error)) throw error; // gone already, or another job by now
        }
        writes.deleted(key, action.job);
        events.record(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`);
        return;
      }
      case "create":
        try {
          await creator.create(key, jobOf(cronJob, action.name, action.scheduledMs), signal);
          events.record(cronJob, "Normal", "SuccessfulCreate", `Created job ${action.name}`);
        } catch (error) {
          // A job of that name is this time's job: it was made before, and may have been deleted from our cache.
          if (!isAlreadyExists(error)) {
            if (!signal.aborted)
              events.record(
                cronJob,
                "Warning",
                "FailedCreate",
                `Error creating job: ${error instanceof Error ? error.message : String(error)}`,
              );
            throw error;
          }
        }
    }
  };

  const watches = [
    wakeOn(cronJobs, (cronJob) => [objectKey(cronJob)]),
    wakeOn(jobs, (job) => controlledBy("CronJob", job)),
  ];
  return createLoop({ name: "cronjob", watches, reconcile }, ports);
}

function jobOf(cronJob: ReadonlyCronJob, name: string, scheduledMs: number): DeepReadonly<Job> {
  const template = cronJob.spec?.jobTemplate;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: cronJob.metadata.namespace,
      labels: template?.metadata?.labels,
      annotations: { ...template?.metadata?.annotations, [scheduledAnnotation]: rfc3339(scheduledMs) },
      ownerReferences: [controllerReference({ object: cronJob, apiVersion: "batch/v1", kind: "CronJob" })],
    },
    ...(template?.spec ? { spec: template.spec } : {}),
  };
}
