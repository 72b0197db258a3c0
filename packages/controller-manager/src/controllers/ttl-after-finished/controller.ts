// Deletes Jobs that asked for it, some time after their end. The server is asked before the deed: the time may have been changed.
import { jobs as jobResource } from "@coxswain/api/batch/v1";
import type { Job } from "@coxswain/api/batch/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { parseRfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";

/** When the Job's time is over, in milliseconds since the epoch; undefined when it is not to be deleted, or not over. */
export function expiresAtMs(job: DeepReadonly<Job>): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  const end = job.status?.conditions?.find(
    (one) => (one.type === "Complete" || one.type === "Failed") && one.status === "True",
  );
  const at = parseRfc3339(end?.lastTransitionTime ?? "");
  return seconds === undefined || at === undefined || job.metadata.deletionTimestamp !== undefined
    ? undefined
    : at + seconds * 1000;
}

export function createTtlAfterFinishedController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const jobs = informers.jobs();
  const jobClient = client.resource(jobResource);

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const cached = jobs.get(key);
    const cachedEnd = cached && expiresAtMs(cached);
    if (cached === undefined || cachedEnd === undefined) return;
    if (cachedEnd > clock.now()) return { wakeAfterMs: cachedEnd - clock.now() };
    const { namespace, name } = cached.metadata;
    try {
      const fresh = await jobClient.get({ namespace, name }, { signal });
      const end = expiresAtMs(fresh as DeepReadonly<Job>);
      if (end === undefined || end > clock.now()) return;
      const { uid = "", resourceVersion = "" } = fresh.metadata;
      await jobClient.delete(
        { namespace, name },
        { propagationPolicy: "Foreground", preconditions: { uid, resourceVersion }, signal },
      );
      log.info(
        { controller: "ttl-after-finished", object: key, because: "its time after the end is over" },
        "deleting a job",
      );
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or changed, which wakes us
    }
  };

  return createLoop(
    { name: "ttl-after-finished", watches: [wakeOn(jobs, (job) => [objectKey(job)])], reconcile },
    ports,
  );
}
