// One container's status as the API tells it: state, lastState, restart count, and Kubernetes' words for why it waits.
import type { Container, ContainerState, ContainerStatus, EphemeralContainer } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { backoffOf, goSeconds, nextAttemptText } from "./backoff.ts";
import {
  currentSandbox,
  hasStarted,
  isInitialized,
  isSidecar,
  isTerminating,
  knownRestarts,
  knownStatus,
  latestAttempt,
  mayRestart,
  previousAttempt,
} from "./lifecycle.ts";
import { differences, resizeVerdict } from "./resize.ts";
import type { ContainerView, PodView } from "./view.ts";

export function containerStatus(view: PodView, container: Container, isInit: boolean, nowMs: number): ContainerStatus {
  const latest = latestAttempt(view, container.name);
  const known = knownStatus(view.pod, container.name);
  if (!latest) return withoutAttempt(view, container, known);
  const waits = latest.state === "exited" ? waitingAfter(view, container, latest, isInit, nowMs) : undefined;
  const previous = previousAttempt(view, container.name);
  const lastState = waits ? terminated(latest) : previous?.state === "exited" ? terminated(previous) : {};
  const started = hasStarted(view, latest);
  return {
    name: container.name,
    state: waits ?? stateOf(latest),
    lastState,
    // An init container is ready when it is through, and not while it runs.
    ready:
      isInit && !isSidecar(container)
        ? latest.state === "exited" && latest.exitCode === 0
        : latest.state !== "exited" && isReady(view, latest),
    started: latest.state === "running" && started,
    restartCount: latest.attempt,
    image: latest.image,
    imageID: latest.imageId === "" ? "" : `docker://${latest.imageId}`,
    containerID: `docker://${latest.id}`,
    ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
    ...(latest.state === "running" ? resourcesOf(view, container, latest, known) : {}),
  };
}

/** What it has, and what it has been granted; while a resize waits or is under way, what it had. */
function resourcesOf(
  view: PodView,
  container: Container,
  running: ContainerView,
  known: ContainerStatus | undefined,
): Pick<ContainerStatus, "resources" | "allocatedResources"> {
  const wanted = container.resources ?? {};
  const unequal = differences(view, container, running).length > 0;
  const waits = unequal && resizeVerdict(view).kind === "pending";
  const granted = waits ? known?.allocatedResources : wanted.requests;
  return {
    resources: unequal ? (known?.resources ?? wanted) : wanted,
    ...(granted && Object.keys(granted).length > 0 ? { allocatedResources: granted } : {}),
  };
}

/** A container that was added to look into the pod: never ready, never restarted. */
export function ephemeralStatus(view: PodView, container: EphemeralContainer, nowMs: number): ContainerStatus {
  // Without a restart policy of its own it would have the pod's.
  const { started: _started, ...status } = containerStatus(
    view,
    { ...container, restartPolicy: "Never" },
    false,
    nowMs,
  );
  return { ...status, ready: false };
}

/** Running, started, and its readiness probe says so (or it has none). */
export function isReady(view: PodView, container: ContainerView): boolean {
  if (!hasStarted(view, container)) return false;
  const readiness = view.probes.get(container.id)?.readiness;
  return readiness === undefined || readiness.result === "success";
}

/** Never created yet, or removed behind our back. */
function withoutAttempt(view: PodView, container: Container, known: ContainerStatus | undefined): ContainerStatus {
  const failure = view.failures.get(container.name);
  const common = {
    name: container.name,
    ready: false,
    started: false,
    restartCount: knownRestarts(view.pod, container.name) ?? 0,
    image: known?.image || (container.image ?? ""),
    imageID: known?.imageID ?? "",
    ...(known?.containerID ? { containerID: known.containerID } : {}),
  };
  if (known?.state?.terminated)
    return { ...common, ready: known.ready, state: known.state, lastState: known.lastState ?? {} };
  if (known?.state?.running) {
    const vanished = {
      exitCode: 137,
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the pod was terminated",
    };
    if (isTerminating(view)) return { ...common, state: { terminated: vanished }, lastState: {} };
  }
  const reason = isInitialized(view) ? "ContainerCreating" : "PodInitializing";
  return {
    ...common,
    state: { waiting: failure ? { reason: failure.reason, message: failure.message } : { reason } },
    lastState: known?.lastState ?? {},
  };
}

/** An ended container that will start again waits: in back-off, or for what keeps it from starting. */
function waitingAfter(
  view: PodView,
  container: Container,
  last: ContainerView,
  isInit: boolean,
  nowMs: number,
): ContainerState | undefined {
  if (isTerminating(view)) return undefined;
  if (!mayRestart(view.pod, container, isInit, last)) return undefined;
  const failure = view.failures.get(container.name);
  if (failure) return { waiting: { reason: failure.reason, message: failure.message } };
  if (view.fenced) return undefined;
  // With a new sandbox everything begins anew, without a back-off.
  if (currentSandbox(view)?.id !== last.sandboxId)
    return { waiting: { reason: isInitialized(view) ? "ContainerCreating" : "PodInitializing" } };
  const { untilMs, delayMs } = backoffOf(view, last, nowMs);
  if (untilMs <= nowMs) return undefined;
  const { metadata } = view.pod;
  const pod = `${metadata?.name ?? ""}_${metadata?.namespace ?? ""}(${metadata?.uid ?? ""})`;
  return {
    waiting: {
      reason: "CrashLoopBackOff",
      message: `back-off ${goSeconds(delayMs)} restarting failed container=${container.name} pod=${pod}, ${nextAttemptText(untilMs)}`,
    },
  };
}

function stateOf(container: ContainerView): ContainerState {
  switch (container.state) {
    case "created":
      return { waiting: { reason: "ContainerCreating" } };
    case "running":
      return { running: { startedAt: rfc3339(container.startedAtMs ?? container.createdAtMs) } };
    case "exited":
      return terminated(container);
  }
}

function terminated(container: ContainerView): ContainerState {
  const exitCode = container.exitCode ?? 137;
  const message = container.startError ?? container.terminationMessage;
  return {
    terminated: {
      exitCode,
      reason:
        container.startError !== undefined
          ? "StartError"
          : container.oomKilled
            ? "OOMKilled"
            : exitCode === 0
              ? "Completed"
              : "Error",
      ...(message === "" ? {} : { message }),
      startedAt: rfc3339(container.startedAtMs ?? container.createdAtMs),
      finishedAt: rfc3339(container.finishedAtMs ?? container.createdAtMs),
      containerID: `docker://${container.id}`,
    },
  };
}
