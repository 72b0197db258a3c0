// Runs Jobs to their end. The status is written before the actions it speaks of (see plan.ts).
import { jobs as jobResource } from "@coxswain/api/batch/v1";
import { pods as podResource } from "@coxswain/api/core/v1";
import type { Container, Pod } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { carryOutClaim, controllerReference } from "../../ownership/adopt.ts";
import { isAsCached } from "../../ownership/as-cached.ts";
import { inGrowingBatches, podMakers } from "../../ownership/batches.ts";
import { planClaim } from "../../ownership/claim.ts";
import { controlledBy } from "../../ownership/controlled-by.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { podFromTemplate } from "../../pods/from-template.ts";
import { createPod, removePod } from "../../pods/lifecycle.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { failureCountAnnotation, ignoredCountAnnotation } from "./per-index.ts";
import { planJob } from "./plan.ts";
import type { JobAction } from "./plan.ts";
import { isStrayKey, jobOwning, mayBeStray, podOf, strayKey } from "./strays.ts";
import { hasFinalizer, indexAnnotation, isIndexed, isOver, trackingFinalizer } from "./view.ts";
import type { ReadonlyJob } from "./view.ts";

export function createJobController(ports: ControllerPorts): Controller {
  const { client, informers, clock, random, log } = ports;
  const jobs = informers.jobs();
  const pods = informers.pods();
  const writes = createOwnWrites<Pod>(pods);
  const ownWrites = createOwnWrites(jobs);
  const podClient = client.resource(podResource);
  const jobClient = client.resource(jobResource);
  const creator = createCreator<Pod>(podClient, writes);
  const events = ports.events("job-controller");
  const podPorts = { pods: podClient, writes, creator, events };

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    if (isStrayKey(key)) return letGo(pods.get(podOf(key)), signal);
    const job = jobs.get(key);
    if (job === undefined) return letPodsGo(key, signal);
    if (job.spec === undefined || !writes.areSeen(key) || !ownWrites.areSeen(key)) return; // what is not seen yet will wake us
    if (job.spec.managedBy && job.spec.managedBy !== "kubernetes.io/job-controller") return;
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const owner = { object: job, apiVersion: "batch/v1", kind: "Job" };
    const claim = planClaim<Pod>(
      job,
      job.spec.selector,
      pods.byIndex("owner", job.metadata.uid ?? ""),
      pods.byIndex("orphans", job.metadata.namespace ?? ""),
    );
    const owned = await carryOutClaim<Pod>(
      owner,
      claim,
      { children: podClient, owners: jobClient, writes, ownerKey: key, finalizer: trackingFinalizer },
      signal,
    );
    const plan = planJob({ job, pods: owned, nowMs: clock.now() });
    const makes = plan.actions.some((action) => action.kind === "create");
    if (makes && !(await isAsCached(job, jobClient, signal))) return; // its change will wake us
    if (!sameJson(plan.status, job.status)) {
      const updated = await jobClient.update({ ...job, status: plan.status }, { subresource: "status", signal });
      ownWrites.wrote(key, updated as ReadonlyJob);
      announce(job, updated as ReadonlyJob);
    }
    if (plan.actions.length > 0)
      log.info(
        { controller: "job", object: key, because: plan.because, actions: plan.actions.length },
        "changing pods",
      );
    const result = await inGrowingBatches(plan.actions, (action) => act(key, job, action, signal));
    if (result.error !== undefined) throw result.error;
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const announce = (before: ReadonlyJob, after: ReadonlyJob): void => {
    const [was, is] = [suspension(before), suspension(after)];
    if (was !== "True" && is === "True") events.record(after, "Normal", "Suspended", "Job suspended");
    if (was === "True" && is === "False") events.record(after, "Normal", "Resumed", "Job resumed");
    if (isOver(before) || !isOver(after)) return;
    const condition = after.status?.conditions?.find((one) => one.type === "Complete" || one.type === "Failed");
    if (condition?.type === "Complete") events.record(after, "Normal", "Completed", "Job completed");
    else events.record(after, "Warning", condition?.reason ?? "Failed", condition?.message ?? "Job failed");
  };

  const act = async (key: string, job: ReadonlyJob, action: JobAction, signal: AbortSignal): Promise<void> => {
    switch (action.kind) {
      case "create":
        await createPod(podPorts, key, job, jobPod(job, action, random.suffix(5)), signal);
        return;
      case "delete": {
        // Nobody will count this one any more.
        await removeFinalizer(key, action.pod, signal);
        await removePod(podPorts, key, action.pod, signal);
        events.record(job, "Normal", "SuccessfulDelete", `Deleted pod: ${action.pod.metadata.name}`);
        return;
      }
      case "remove-finalizer":
        await removeFinalizer(key, action.pod, signal);
    }
  };

  /** The pods of a Job that has gone: nobody counts them any more, and without this they would never go. */
  const letPodsGo = async (key: string, signal: AbortSignal): Promise<void> => {
    const [namespace = "", name] = key.split("/");
    for (const pod of pods.byIndex("namespace", namespace))
      if (hasFinalizer(pod) && jobOwning(pod)?.name === name) await letGo(pod, signal);
  };

  /** Takes the finalizer from a pod that no Job counts: its Job has let it go, or has gone itself. */
  const letGo = async (pod: ReadonlyPod | undefined, signal: AbortSignal): Promise<void> => {
    if (pod === undefined || !hasFinalizer(pod)) return;
    const owner = jobOwning(pod);
    if (owner !== undefined) {
      const ref = { namespace: pod.metadata.namespace, name: owner.name };
      if (jobs.get(objectKey({ metadata: ref }))?.metadata.uid === owner.uid) return;
      const found = await jobClient.get(ref, { signal }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (found?.metadata.uid === owner.uid) return; // what we know is behind
    }
    await removeFinalizer(strayKey(pod), pod, signal);
  };

  const removeFinalizer = async (key: string, pod: ReadonlyPod, signal: AbortSignal): Promise<void> => {
    const { namespace, name, uid, resourceVersion, finalizers = [] } = pod.metadata;
    if (!finalizers.includes(trackingFinalizer)) return;
    const left = finalizers.filter((finalizer) => finalizer !== trackingFinalizer);
    const patch = { metadata: { uid, resourceVersion, finalizers: left.length > 0 ? left : null } };
    try {
      const patched = await podClient.patch({ namespace, name }, patch, { type: "merge", signal });
      if (patched.metadata.deletionTimestamp === undefined) writes.wrote(key, patched as ReadonlyPod);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const watches = [
    wakeOn(jobs, (job) => [objectKey(job)]),
    wakeOn(pods, (pod) => [...controlledBy("Job", pod), ...(mayBeStray(pod) ? [strayKey(pod)] : [])]),
  ];
  return createLoop({ name: "job", watches, reconcile, concurrency: podMakers }, ports);
}

type Creation = Pick<Extract<JobAction, { readonly kind: "create" }>, "index" | "failures">;

function jobPod(job: ReadonlyJob, { index, failures }: Creation, suffix: string): DeepReadonly<Pod> {
  const { name, namespace = "", uid = "" } = job.metadata;
  const reference = controllerReference({ object: job, apiVersion: "batch/v1", kind: "Job" });
  const prefix = index === undefined ? name : `${name.slice(0, 57 - String(index).length)}-${index}`;
  const pod = podFromTemplate(job.spec?.template ?? {}, { name: prefix, namespace, reference }, suffix);
  const labels = {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
    ...pod.metadata.labels,
    ...(index === undefined ? {} : { [indexAnnotation]: String(index) }),
  };
  const metadata = {
    ...pod.metadata,
    labels,
    finalizers: [...(pod.metadata.finalizers ?? []), trackingFinalizer],
    ...(index === undefined
      ? {}
      : {
          annotations: {
            ...pod.metadata.annotations,
            [indexAnnotation]: String(index),
            ...(failures === undefined ? {} : { [failureCountAnnotation]: String(failures.counted) }),
            ...(failures === undefined || failures.ignored === 0
              ? {}
              : { [ignoredCountAnnotation]: String(failures.ignored) }),
          },
        }),
  };
  if (pod.spec === undefined || index === undefined || !isIndexed(job)) return { ...pod, metadata };
  const withIndex = (container: DeepReadonly<Container>): DeepReadonly<Container> =>
    container.env?.some((variable) => variable.name === "JOB_COMPLETION_INDEX")
      ? container
      : {
          ...container,
          env: [
            ...(container.env ?? []),
            {
              name: "JOB_COMPLETION_INDEX",
              valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } },
            },
          ],
        };
  const spec = {
    ...pod.spec,
    hostname: prefix,
    containers: pod.spec.containers.map(withIndex),
    ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
  };
  return { ...pod, metadata, spec };
}

const suspension = (job: ReadonlyJob): string | undefined =>
  job.status?.conditions?.find(({ type }) => type === "Suspended")?.status;
