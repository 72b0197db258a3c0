/** `kubectl get pods`: one word for the state of a pod, as printPod of Kubernetes finds it. */
import { age, type DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, none, printer, type TablePrinter } from "../../../table.ts";
import type { Container, ContainerStatus, Pod } from "../types.ts";

const rows: TablePrinter<Pod> = printer(
  ["Ready", "Status", "Restarts", "Age", "IP+", "Node+", "Nominated Node+", "Readiness Gates+"],
  (pod, now) => {
    const { ready, total, reason, restarts, lastRestart } = podSummary(pod);
    const restartsText =
      restarts > 0 && lastRestart !== undefined ? `${restarts} (${age(lastRestart, now)} ago)` : String(restarts);
    return [
      `${ready}/${total}`,
      reason,
      restartsText,
      ageOf(pod, now),
      pod.status?.podIPs?.[0]?.ip || none,
      pod.spec?.nodeName || none,
      pod.status?.nominatedNodeName || none,
      readinessGates(pod),
    ];
  },
);

const endings: Readonly<Record<string, string>> = {
  Succeeded: "The pod has completed successfully.",
  Failed: "The pod failed.",
};

export const podTable: TablePrinter<Pod> = {
  ...rows,
  conditions(pod) {
    const reason = pod.status?.phase ?? "";
    const message = endings[reason];
    return message === undefined ? [] : [{ type: "Completed", status: "True", reason, message }];
  },
};

interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  lastRestart: string | undefined;
}

/** What a table says of a pod. */
export function podSummary(pod: DeepReadonly<Pod>): Summary {
  const { spec, status } = pod;
  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const summary: Summary = {
    ready: 0,
    total: (spec?.containers.length ?? 0) + sidecars.size,
    reason: firstReason(pod),
    restarts: 0,
    lastRestart: undefined,
  };
  const initializing = summarizeInit(pod, sidecars, summary);
  if (!initializing || hasCondition(pod, "Initialized")) summarizeContainers(pod, sidecars, summary);
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status?.reason === "NodeLost") summary.reason = "Unknown";
    else if (status?.phase !== "Succeeded" && status?.phase !== "Failed") summary.reason = "Terminating";
  }
  return summary;
}

function firstReason(pod: DeepReadonly<Pod>): string {
  const gated =
    pod.status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated") ??
    false;
  return gated ? "SchedulingGated" : pod.status?.reason || pod.status?.phase || "";
}

/** Adds what init containers tell; true while one of them has still to finish. */
function summarizeInit(pod: DeepReadonly<Pod>, sidecars: ReadonlySet<string>, summary: Summary): boolean {
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    countRestarts(summary, container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) summary.ready += 1;
      continue;
    }
    if (terminated !== undefined) summary.reason = `Init:${exitReason(terminated)}`;
    else if (waiting?.reason !== undefined && waiting.reason !== "" && waiting.reason !== "PodInitializing")
      summary.reason = `Init:${waiting.reason}`;
    else summary.reason = `Init:${index}/${pod.spec?.initContainers?.length ?? 0}`;
    return true;
  }
  return false;
}

function summarizeContainers(pod: DeepReadonly<Pod>, sidecars: ReadonlySet<string>, summary: Summary): void {
  summary.restarts = 0;
  summary.lastRestart = undefined;
  for (const container of pod.status?.initContainerStatuses ?? [])
    if (sidecars.has(container.name)) countRestarts(summary, container);
  let hasRunning = false;
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    countRestarts(summary, container);
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated !== undefined) summary.reason = exitReason(terminated);
    else if (container.ready && running !== undefined) {
      hasRunning = true;
      summary.ready += 1;
    }
  }
  if (summary.reason === "Completed" && hasRunning)
    summary.reason = hasCondition(pod, "Ready") ? "Running" : "NotReady";
}

function countRestarts(summary: Summary, container: DeepReadonly<ContainerStatus>): void {
  summary.restarts += container.restartCount;
  const finished = container.lastState?.terminated?.finishedAt;
  if (
    finished !== undefined &&
    finished !== null &&
    (summary.lastRestart === undefined || summary.lastRestart < finished)
  )
    summary.lastRestart = finished;
}

function exitReason(terminated: {
  readonly reason?: string | undefined;
  readonly signal?: number | undefined;
  readonly exitCode: number;
}): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function isSidecar(container: DeepReadonly<Container>): boolean {
  return container.restartPolicy === "Always";
}

function hasCondition(pod: DeepReadonly<Pod>, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

function readinessGates(pod: DeepReadonly<Pod>): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return none;
  return `${gates.filter(({ conditionType }) => hasCondition(pod, conditionType)).length}/${gates.length}`;
}
