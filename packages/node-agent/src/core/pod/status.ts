// The status of a pod from what was seen of it. Conditions keep the time of their last change; fields that others own
// (PodScheduled, readiness gates, qosClass, nominatedNodeName) are passed through.
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { containerStatus, ephemeralStatus } from "./container-status.ts";
import {
  allDone,
  containersOf,
  currentSandbox,
  deadlineMs,
  initFailedForGood,
  isInitialized,
  isSidecar,
  isTerminating,
  latestAttempt,
} from "./lifecycle.ts";
import { resizeVerdict } from "./resize.ts";
import type { PodView } from "./view.ts";

type PodPhase = NonNullable<PodStatus["phase"]>;

export interface NodeAddresses {
  readonly hostIPs: readonly string[];
}

export function podStatus(view: PodView, node: NodeAddresses, nowMs: number): PodStatus {
  const { pod } = view;
  const { init, regular, ephemeral } = containersOf(pod);
  const ephemeralContainerStatuses = ephemeral.map((container) => ephemeralStatus(view, container, nowMs));
  const initContainerStatuses = init.map((container) => containerStatus(view, container, true, nowMs));
  const containerStatuses = regular.map((container) => containerStatus(view, container, false, nowMs));
  const ended = endOf(view, nowMs);
  const phase = ended?.phase ?? phaseOf(view, containerStatuses);
  if (ended?.reason !== undefined && wasNeverTaken(view)) return rejected(pod, ended, nowMs);
  const hostIP = node.hostIPs[0];
  const podIP = pod.spec?.hostNetwork ? hostIP : (view.podIP ?? (isOver(phase) ? pod.status?.podIP : undefined));
  const { reason: _reason, message: _message, podIP: _podIP, podIPs: _podIPs, ...kept } = pod.status ?? {};
  return {
    ...kept,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    ...(ended?.reason ? { reason: ended.reason, message: ended.message } : {}),
    startTime: pod.status?.startTime ?? rfc3339(nowMs),
    ...(hostIP === undefined ? {} : { hostIP, hostIPs: node.hostIPs.map((ip) => ({ ip })) }),
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    containerStatuses,
    ...(ephemeralContainerStatuses.length > 0 ? { ephemeralContainerStatuses } : {}),
    conditions: conditionsOf(view, phase, containerStatuses, initContainerStatuses, nowMs),
  };
}

/** It ended before anything was made or said of it: the node had no place for it. */
function wasNeverTaken({ pod, sandboxes, containers }: PodView): boolean {
  return sandboxes.length === 0 && containers.length === 0 && pod.status?.containerStatuses === undefined;
}

/** Nothing is said of containers that will never be; a client that prints the pod finds the reason of its end. */
function rejected({ metadata, status }: Pod, { phase, reason, message }: End, nowMs: number): PodStatus {
  return {
    ...status,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    phase,
    ...(reason === undefined ? {} : { reason, message: message ?? "" }),
    startTime: status?.startTime ?? rfc3339(nowMs),
  };
}

function isOver(phase: PodPhase): boolean {
  return phase === "Failed" || phase === "Succeeded";
}

interface End {
  readonly phase: "Failed" | "Succeeded";
  readonly reason?: string;
  readonly message?: string;
}

/** A phase once final stays final; a deadline makes one. */
function endOf(view: PodView, nowMs: number): End | undefined {
  const { status } = view.pod;
  if (status?.phase === "Failed" || status?.phase === "Succeeded") {
    return { phase: status.phase, ...(status.reason ? { reason: status.reason, message: status.message ?? "" } : {}) };
  }
  if (view.ending) return { phase: "Failed", reason: view.ending.reason, message: view.ending.message };
  const deadline = deadlineMs(view.pod);
  if (deadline !== undefined && nowMs >= deadline && !allDone(view)) {
    return {
      phase: "Failed",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    };
  }
  return undefined;
}

function phaseOf(view: PodView, statuses: readonly ContainerStatus[]): PodPhase {
  const { init } = containersOf(view.pod);
  if (initFailedForGood(view, init)) return "Failed";
  const anyRuns = view.containers.some((container) => container.state === "running");
  const ended = statuses.length > 0 && statuses.every((status) => status.state?.terminated !== undefined);
  if (ended && (allDone(view) || isTerminating(view)) && !regularRuns(view)) {
    // A pod that is being deleted has ended when its sidecars have, too.
    if (isTerminating(view) && anyRuns) return "Running";
    return statuses.every((status) => status.state?.terminated?.exitCode === 0) ? "Succeeded" : "Failed";
  }
  if (!isInitialized(view)) return "Pending";
  const waitingForFirst = statuses.some(
    (status) =>
      status.state?.waiting && !status.lastState?.terminated && status.restartCount === 0 && !status.containerID,
  );
  return waitingForFirst ? "Pending" : "Running";
}

function regularRuns(view: PodView): boolean {
  return containersOf(view.pod).regular.some((container) => latestAttempt(view, container.name)?.state === "running");
}

function conditionsOf(
  view: PodView,
  phase: string,
  statuses: readonly ContainerStatus[],
  initStatuses: readonly ContainerStatus[],
  nowMs: number,
): PodCondition[] {
  const before = view.pod.status?.conditions ?? [];
  const { init } = containersOf(view.pod);
  const sidecars = initStatuses.filter((_, index) => init[index] && isSidecar(init[index]));
  const initialized = initializedCondition(view, phase, initStatuses);
  const containersReady = readyCondition(phase, [...sidecars, ...statuses]);
  const unmetGates = (view.pod.spec?.readinessGates ?? []).filter(
    (gate) => before.find((condition) => condition.type === gate.conditionType)?.status !== "True",
  );
  const ready: Verdict =
    containersReady.status === "True" && unmetGates.length > 0
      ? {
          status: "False",
          reason: "ReadinessGatesNotReady",
          message: `corresponding condition of pod readiness gate "${unmetGates[0]?.conditionType ?? ""}" does not exist or is not "True".`,
        }
      : containersReady;
  const ours: readonly [string, Verdict][] = [
    [
      "PodReadyToStartContainers",
      { status: currentSandbox(view) && (view.podIP !== undefined || view.pod.spec?.hostNetwork) ? "True" : "False" },
    ],
    ["Initialized", initialized],
    ["Ready", ready],
    ["ContainersReady", containersReady],
    ...disruptionOf(view),
  ];
  const resize = resizeConditions(view);
  const others = before.filter(
    (condition) => !ours.some(([type]) => type === condition.type) && !resizeTypes.includes(condition.type),
  );
  const scheduled: PodCondition[] = others.some((condition) => condition.type === "PodScheduled")
    ? []
    : [condition("PodScheduled", { status: "True" }, undefined, nowMs, view.pod)];
  const made = [...ours, ...resize].map(([type, verdict]) =>
    condition(
      type,
      verdict,
      before.find((old) => old.type === type),
      nowMs,
      view.pod,
    ),
  );
  return [...made, ...scheduled, ...others];
}

const resizeTypes: readonly string[] = ["PodResizePending", "PodResizeInProgress"];

/** As the kubelet says that it has ended the pod for the node's sake; jobs and disruption budgets look at it. */
function disruptionOf({ ending }: PodView): readonly [string, Verdict][] {
  if (!ending?.isDisruption) return [];
  return [["DisruptionTarget", { status: "True", reason: "TerminationByKubelet", message: ending.message }]];
}

function resizeConditions(view: PodView): readonly [string, Verdict][] {
  const verdict = resizeVerdict(view);
  if (verdict.kind === "pending")
    return [["PodResizePending", { status: "True", reason: verdict.reason, message: verdict.message }]];
  if (verdict.kind === "none") return [];
  const { error } = verdict;
  return [
    ["PodResizeInProgress", { status: "True", ...(error === undefined ? {} : { reason: "Error", message: error }) }],
  ];
}

interface Verdict {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

function initializedCondition(view: PodView, phase: string, initStatuses: readonly ContainerStatus[]): Verdict {
  if (isInitialized(view) || phase === "Succeeded")
    return phase === "Succeeded" ? { status: "True", reason: "PodCompleted" } : { status: "True" };
  const incomplete = initStatuses.filter((status) => !status.ready).map((status) => status.name);
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
}

function readyCondition(phase: string, statuses: readonly ContainerStatus[]): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = statuses.filter((status) => !status.ready).map((status) => status.name);
  if (unready.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

function condition(
  type: string,
  verdict: Verdict,
  old: PodCondition | undefined,
  nowMs: number,
  pod: Pod,
): PodCondition {
  const generation = pod.metadata?.generation;
  return {
    type,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    status: verdict.status,
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    lastTransitionTime:
      old?.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : rfc3339(nowMs),
  };
}
