// Where a pod stands in its life: which attempt of a container counts, what has started, what is done for good. The
// order of init containers and sidecars is decided here and nowhere else.
import type { Container, ContainerStatus, EphemeralContainer, Pod } from "@coxswain/api/core/v1";
import type { ContainerView, PodView, SandboxView } from "./view.ts";

type RestartPolicy = "Always" | "OnFailure" | "Never";

export interface PodContainers {
  readonly init: readonly Container[];
  readonly regular: readonly Container[];
  /** Added to a running pod, to look into it. Each runs once. */
  readonly ephemeral: readonly EphemeralContainer[];
}

export function containersOf(pod: Pod): PodContainers {
  const { initContainers: init = [], containers: regular = [], ephemeralContainers: ephemeral = [] } = pod.spec ?? {};
  return { init, regular, ephemeral };
}

export function allContainersOf(pod: Pod): readonly Container[] {
  const { init, regular, ephemeral } = containersOf(pod);
  return [...init, ...regular, ...ephemeral];
}

/** An init container that goes on running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

function restartPolicyOf(pod: Pod, container: Container, isInit: boolean): RestartPolicy {
  if (
    container.restartPolicy === "Always" ||
    container.restartPolicy === "OnFailure" ||
    container.restartPolicy === "Never"
  )
    return container.restartPolicy;
  const policy = pod.spec?.restartPolicy;
  if (isInit && policy === "Always") return "OnFailure";
  return policy === "OnFailure" || policy === "Never" ? policy : "Always";
}

/** The newest sandbox that runs. */
export function currentSandbox(view: PodView): SandboxView | undefined {
  return view.sandboxes.filter((sandbox) => sandbox.running).toSorted((a, b) => b.attempt - a.attempt)[0];
}

/** The newest attempt of a container, in whichever sandbox. */
export function latestAttempt(view: PodView, name: string): ContainerView | undefined {
  return view.containers
    .filter((container) => container.name === name)
    .toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs)[0];
}

/** The attempt before the newest: where `lastState` and `logs --previous` come from. */
export function previousAttempt(view: PodView, name: string): ContainerView | undefined {
  return view.containers
    .filter((container) => container.name === name)
    .toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs)[1];
}

/** The newest attempt of a container in the current sandbox; what ran before the sandbox was lost does not count. */
export function attemptIn(view: PodView, sandbox: SandboxView, name: string): ContainerView | undefined {
  const latest = latestAttempt(view, name);
  return latest?.sandboxId === sandbox.id ? latest : undefined;
}

/** Running, its startup probe passed, its postStart hook through. */
export function hasStarted(view: PodView, container: ContainerView): boolean {
  if (container.state !== "running" || view.inPostStart.has(container.id)) return false;
  const startup = view.probes.get(container.id)?.startup;
  return startup === undefined || startup.result === "success";
}

/** Every init container has done its part. An exited one may have been cleaned away: later containers vouch for it. */
export function isInitialized(view: PodView): boolean {
  const sandbox = currentSandbox(view);
  const { init, regular } = containersOf(view.pod);
  if (init.length === 0) return true;
  if (!sandbox) return allDone(view) || wasInitialized(view.pod);
  if (regular.some((container) => attemptIn(view, sandbox, container.name))) return true;
  return init.every((container) => initDone(view, sandbox, container));
}

function wasInitialized(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Initialized" && condition.status === "True") ??
    false
  );
}

export function initDone(view: PodView, sandbox: SandboxView, container: Container): boolean {
  const attempt = attemptIn(view, sandbox, container.name);
  if (!attempt) return false;
  if (isSidecar(container)) return hasStarted(view, attempt);
  return attempt.state === "exited" && attempt.exitCode === 0;
}

/** No regular container runs or will ever run again. */
export function allDone(view: PodView): boolean {
  const { init, regular } = containersOf(view.pod);
  if (initFailedForGood(view, init)) return true;
  return regular.length > 0 && regular.every((container) => doneForGood(view, container, false));
}

export function initFailedForGood(view: PodView, init: readonly Container[]): boolean {
  return init.some((container) => {
    if (isSidecar(container)) return false;
    const last = latestAttempt(view, container.name);
    return last?.state === "exited" && last.exitCode !== 0 && !mayRestart(view.pod, container, true, last);
  });
}

function doneForGood(view: PodView, container: Container, isInit: boolean): boolean {
  const last = latestAttempt(view, container.name);
  return last?.state === "exited" && !mayRestart(view.pod, container, isInit, last);
}

/** The container's own rules first, in order; then its policy, then the pod's. */
export function mayRestart(pod: Pod, container: Container, isInit: boolean, last: ContainerView): boolean {
  const rule = (container.restartPolicyRules ?? []).find(({ exitCodes }) => {
    const listed = (exitCodes?.values ?? []).includes(last.exitCode ?? -1);
    return exitCodes?.operator === "In" ? listed : exitCodes?.operator === "NotIn" ? !listed : false;
  });
  if (rule?.action === "Restart") return true;
  const policy = restartPolicyOf(pod, container, isInit);
  if (policy === "Always") return true;
  return policy === "OnFailure" && last.exitCode !== 0;
}

/** What the API knows of a container. */
export function knownStatus({ status }: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (candidate) => candidate.name === name,
  );
}

/** The restart count that the API knows, for a container whose attempts have been removed from the machine. */
export function knownRestarts(pod: Pod, name: string): number | undefined {
  const status = knownStatus(pod, name);
  return status?.containerID ? status.restartCount : undefined;
}

/** FNV-1a over what makes a running container outdated when it changes: only the image may, in a pod. */
export function specHash(container: Container): string {
  let hash = 0x811c9dc5;
  for (const char of `${container.name}\n${container.image ?? ""}`)
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16);
}

export function isTerminating(view: PodView): boolean {
  return view.orphaned || view.pod.metadata?.deletionTimestamp !== undefined;
}

export function deadlineMs(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const start = pod.status?.startTime;
  return seconds === undefined || seconds === null || !start ? undefined : Date.parse(start) + seconds * 1000;
}
