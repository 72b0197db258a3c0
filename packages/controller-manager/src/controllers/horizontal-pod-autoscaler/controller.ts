// Keeps the sizes of scalable things where their metrics want them. Looks at each autoscaler once in a period; what fails is said in its
// conditions and tried again in the next.
import type { Scale } from "@coxswain/api/autoscaling/v1";
import { horizontalPodAutoscalers } from "@coxswain/api/autoscaling/v2";
import { parseLabelSelector, quantityMillis, SelectorError } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher, Quantity } from "@coxswain/apimachinery";
import { isConflict } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { initialMemory, remember } from "./behavior.ts";
import type { Memory } from "./behavior.ts";
import { createMetricsReader, MetricsError } from "./metrics.ts";
import { needsMetrics, planAutoscaler, setCondition, statusOf } from "./plan.ts";
import type { Obstacle, ReadonlyAutoscaler } from "./plan.ts";
import { propose } from "./proposals.ts";
import { createKinds } from "./target.ts";
import { autoscalerWatches } from "./watches.ts";

export interface AutoscalerConfig {
  readonly periodMs: number;
  readonly downWindowMs: number;
  /** How far from its target a metric may be without consequence, as a part of it; autoscalers may say otherwise. */
  readonly tolerance: number;
  readonly cpuInitializationMs: number;
  readonly readinessDelayMs: number;
}

interface Target {
  readonly selector: string;
  readonly pods: readonly ReadonlyPod[];
}

export function createHorizontalPodAutoscalerController(ports: ControllerPorts, config: AutoscalerConfig): Controller {
  const { client, informers, clock, log } = ports;
  const autoscalers = informers.horizontalPodAutoscalers();
  const pods = informers.pods();
  const autoscalerClient = client.resource(horizontalPodAutoscalers);
  const kinds = createKinds(client, clock);
  const metrics = createMetricsReader(client, clock);
  const events = ports.events("horizontal-pod-autoscaler");
  const memories = new Map<string, Memory>();
  /** The pods each autoscaler works on: two that share pods would pull at them from both sides. */
  const selectors = new Map<string, LabelMatcher>();
  const again = { wakeAfterMs: config.periodMs };

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const autoscaler = autoscalers.get(key);
    if (autoscaler === undefined) {
      memories.delete(key);
      selectors.delete(key);
      return;
    }
    let scale: Scale;
    try {
      scale = await readScale(autoscaler, signal);
    } catch (error) {
      signal.throwIfAborted();
      await tellNoScale(autoscaler, messageOf(error), signal);
      return again;
    }
    const currentReplicas = scale.spec?.replicas ?? 0;
    const memory = memories.get(key) ?? initialMemory(currentReplicas, clock.monotonic());
    const target = needsMetrics(autoscaler, currentReplicas) ? targetOf(key, scale) : { selector: "", pods: [] };
    const obstacle = "reason" in target ? target : undefined;
    const proposals =
      "reason" in target || !needsMetrics(autoscaler, currentReplicas)
        ? []
        : await proposalsOf(autoscaler, scale, target, signal);
    const view = { autoscaler, currentReplicas, proposals, obstacle, memory };
    const times = { nowMs: clock.now(), monotonicMs: clock.monotonic(), downWindowMs: config.downWindowMs };
    const plan = planAutoscaler({ ...view, ...times });
    memories.set(key, plan.memory);
    for (const { reason, message } of plan.warnings) events.record(autoscaler, "Warning", reason, message);
    if (plan.resizeTo === undefined) {
      await writeStatus(autoscaler, plan.status, signal);
      return again;
    }
    log.info(
      { controller: "hpa", object: key, from: currentReplicas, to: plan.resizeTo, because: plan.because },
      "resizing",
    );
    const resized = await resize(autoscaler, scale, plan.resizeTo, plan.because, signal);
    if (resized.done) memories.set(key, remember(plan.memory, currentReplicas, plan.resizeTo, clock.monotonic()));
    const conditions = setCondition(plan.status.conditions ?? [], "AbleToScale", resized.done, resized, clock.now());
    const desiredReplicas = resized.done ? plan.resizeTo : (autoscaler.status?.desiredReplicas ?? 0);
    const lastScaleTime = resized.done ? rfc3339(clock.now()) : autoscaler.status?.lastScaleTime;
    const status = { ...plan.status, desiredReplicas, conditions: conditions.map((one) => ({ ...one })) };
    await writeStatus(autoscaler, lastScaleTime === undefined ? status : { ...status, lastScaleTime }, signal);
    return again;
  };

  const readScale = async (autoscaler: ReadonlyAutoscaler, signal: AbortSignal): Promise<Scale> => {
    const { scaleTargetRef: target } = autoscaler.spec;
    const descriptor = await kinds.descriptorOf(target, signal);
    const ref = { namespace: autoscaler.metadata.namespace, name: target.name };
    return client.resource(descriptor).getSubresource<Scale>(ref, "scale", { signal });
  };

  const resize = async (
    autoscaler: ReadonlyAutoscaler,
    scale: Scale,
    replicas: number,
    because: string,
    signal: AbortSignal,
  ): Promise<{ readonly done: boolean; readonly reason: string; readonly message: string }> => {
    const descriptor = await kinds.descriptorOf(autoscaler.spec.scaleTargetRef, signal);
    try {
      await client
        .resource(descriptor)
        .update({ ...scale, spec: { ...scale.spec, replicas } }, { subresource: "scale", signal });
    } catch (error) {
      if (signal.aborted || isConflict(error)) throw error; // somebody else resized: look again at once
      const message = `New size: ${replicas}; reason: ${because}; error: ${messageOf(error)}`;
      events.record(autoscaler, "Warning", "FailedRescale", message);
      const sentence = `the HPA controller was unable to update the target scale: ${messageOf(error)}`;
      return { done: false, reason: "FailedUpdateScale", message: sentence };
    }
    events.record(autoscaler, "Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${because}`);
    const sentence = `the HPA controller was able to update the target scale to ${replicas}`;
    return { done: true, reason: "SucceededRescale", message: sentence };
  };

  const tellNoScale = async (autoscaler: ReadonlyAutoscaler, why: string, signal: AbortSignal): Promise<void> => {
    events.record(autoscaler, "Warning", "FailedGetScale", why);
    const message = `the HPA controller was unable to get the target's current scale: ${why}`;
    const {
      conditions = [],
      currentReplicas = 0,
      desiredReplicas: desired = 0,
      currentMetrics,
    } = autoscaler.status ?? {};
    const next = setCondition(conditions, "AbleToScale", false, { reason: "FailedGetScale", message }, clock.now());
    const metricsBefore = structuredClone(currentMetrics) as Parameters<typeof statusOf>[1]["metrics"];
    const status = statusOf({ autoscaler, currentReplicas }, { desired, metrics: metricsBefore, conditions: next });
    await writeStatus(autoscaler, status, signal);
  };

  const targetOf = (key: string, scale: Scale): Target | Obstacle => {
    const selector = scale.status?.selector ?? "";
    const invalid = (event: string, message: string, sentence = message): Obstacle => ({
      event,
      reason: "InvalidSelector",
      message,
      sentence,
    });
    selectors.delete(key);
    if (selector === "")
      return invalid("SelectorRequired", "selector is required", "the HPA target's scale is missing a selector");
    let matcher: LabelMatcher;
    try {
      matcher = parseLabelSelector(selector);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      const text = `couldn't convert selector into a corresponding internal selector object: ${error.message}`;
      return invalid("InvalidSelector", text);
    }
    selectors.set(key, matcher);
    const [namespace = ""] = key.split("/");
    const chosen = pods.byIndex("namespace", namespace).filter((pod) => matcher.matches(pod.metadata.labels));
    const rivals = [...selectors]
      .filter(([other]) => other.startsWith(`${namespace}/`))
      .filter(([, theirs]) => chosen.some((pod) => theirs.matches(pod.metadata.labels)))
      .map(([other]) => other);
    if (rivals.length <= 1) return { selector, pods: chosen };
    const message = `pods by selector ${selector} are controlled by multiple HPAs: [${rivals.toSorted().join(" ")}]`;
    return { ...invalid("AmbiguousSelector", message), reason: "AmbiguousSelector" };
  };

  const proposalsOf = (autoscaler: ReadonlyAutoscaler, scale: Scale, target: Target, signal: AbortSignal) => {
    const { behavior, metrics: specs = [] } = autoscaler.spec;
    const parts = (tolerance: DeepReadonly<Quantity> | undefined): number =>
      tolerance === undefined ? config.tolerance : quantityMillis(tolerance) / 1000;
    const population = {
      pods: target.pods,
      currentReplicas: scale.spec?.replicas ?? 0,
      tolerance: { up: parts(behavior?.scaleUp?.tolerance), down: parts(behavior?.scaleDown?.tolerance) },
      nowMs: clock.now(),
      cpuInitializationMs: config.cpuInitializationMs,
      readinessDelayMs: config.readinessDelayMs,
    };
    const context = {
      namespace: autoscaler.metadata.namespace ?? "",
      selector: target.selector,
      population,
      statusReplicas: scale.status?.replicas ?? 0,
      metrics,
      resourceOf: (object: { readonly kind: string; readonly apiVersion?: string | undefined }) =>
        kinds.descriptorOf(object, signal).then(
          ({ group, resource }) => (group === "" ? resource : `${resource}.${group}`),
          (error: unknown) => {
            signal.throwIfAborted();
            throw new MetricsError(messageOf(error), { cause: error });
          },
        ),
    };
    return Promise.all(specs.map((spec) => propose(spec, context, signal)));
  };

  const writeStatus = async (
    autoscaler: ReadonlyAutoscaler,
    status: ReadonlyAutoscaler["status"],
    signal: AbortSignal,
  ): Promise<void> => {
    if (sameJson(status, autoscaler.status)) return;
    await autoscalerClient.update({ ...autoscaler, status }, { subresource: "status", signal });
  };

  const watches = [...autoscalerWatches(autoscalers), { subscribe: () => () => {}, whenSynced: pods.whenSynced }];
  return createLoop({ name: "horizontalpodautoscaler", watches, reconcile }, ports);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
