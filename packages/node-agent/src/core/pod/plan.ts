// What to do next for one pod, and why. It looks; it does not remember. In the order of kubelet's computePodActions:
// end what must end, sandbox, init containers one after another, then all others side by side.
import type { Container } from "@coxswain/api/core/v1";
import { fenceGraceSeconds } from "../fencing.ts";
import { backoffOf, crashesAfter } from "./backoff.ts";
import {
  allDone,
  attemptIn,
  containersOf,
  currentSandbox,
  deadlineMs,
  hasStarted,
  initDone,
  isInitialized,
  isSidecar,
  isTerminating,
  knownRestarts,
  latestAttempt,
  mayRestart,
  specHash,
} from "./lifecycle.ts";
import type { PodAction, PodPlan } from "./action.ts";
import { resizeStep } from "./resize.ts";
import { planTermination } from "./termination.ts";
import type { ContainerView, PodView, SandboxView } from "./view.ts";

export function planPod(view: PodView, nowMs: number): PodPlan {
  if (isTerminating(view)) return planTermination(view, nowMs);
  if (view.fenced) return planFenced(view);
  if (view.ending) return endPod(view, view.ending.message, view.ending.graceSeconds);
  const deadline = deadlineMs(view.pod);
  if (hasEndedForGood(view)) return endPod(view, "the pod has come to its end");
  if (deadline !== undefined && nowMs >= deadline)
    return endPod(view, "Pod was active on the node longer than the specified deadline");
  const plan = planRunning(view, nowMs);
  return deadline === undefined ? plan : { ...plan, wakeAtMs: Math.min(plan.wakeAtMs ?? deadline, deadline) };
}

/** Others may think this pod dead and have begun it elsewhere: it ends here, with the least of grace, and nothing begins. */
function planFenced(view: PodView): PodPlan {
  const because = "the node could not renew its lease in time; the pod may run elsewhere by now";
  const running = view.containers.filter(
    (container) => container.state === "running" && !view.stopping.has(container.id),
  );
  return { actions: running.map((container) => stop(container, fenceGraceSeconds, because, false)), because };
}

function hasEndedForGood(view: PodView): boolean {
  const phase = view.pod.status?.phase;
  return phase === "Failed" || phase === "Succeeded" || allDone(view);
}

/** The object stays, with its dead containers and their logs; what still runs (sidecars, the sandbox) is stopped. */
function endPod(view: PodView, because: string, graceSeconds?: number): PodPlan {
  const termination = planTermination(view, 0, graceSeconds);
  return { ...termination, actions: termination.actions.filter((action) => action.type !== "finish"), because };
}

function planRunning(view: PodView, nowMs: number): PodPlan {
  const sandbox = currentSandbox(view);
  if (!sandbox) return planSandbox(view, nowMs);
  const strays = view.containers.filter(
    (container) => container.sandboxId !== sandbox.id && container.state === "running",
  );
  const cleanup = [
    ...strays
      .filter((stray) => !view.stopping.has(stray.id))
      .map((stray) => stop(stray, 0, "its sandbox is gone", false)),
    ...view.sandboxes
      .filter((other) => other.id !== sandbox.id && !view.busy.has(""))
      .map((other) => ({ type: "removeSandbox" as const, id: other.id })),
    ...surplus(view),
  ];
  if (view.volumes.state !== "ready") return withActions(cleanup, planVolumes(view, nowMs));
  const own = isInitialized(view) ? planRegular(view, sandbox, nowMs) : planInit(view, sandbox, nowMs);
  return withActions([...cleanup, ...planEphemeral(view, nowMs)], own);
}

/** Whoever looks into a pod comes in as soon as there is one, and once: not again after an end, nor with another sandbox. */
function planEphemeral(view: PodView, nowMs: number): PodAction[] {
  return containersOf(view.pod).ephemeral.flatMap(({ name }) => {
    if (view.busy.has(name) || latestAttempt(view, name) || knownRestarts(view.pod, name) !== undefined) return [];
    if ((view.failures.get(name)?.retryAtMs ?? 0) > nowMs) return [];
    const because = `container ${name} was added to look into the pod`;
    return [{ type: "startContainer" as const, name, attempt: 0, crashes: 0, because }];
  });
}

function planSandbox(view: PodView, nowMs: number): PodPlan {
  const running = view.containers.filter(
    (container) => container.state === "running" && !view.stopping.has(container.id),
  );
  if (running.length > 0) {
    return {
      actions: running.map((container) =>
        stop(container, 0, "Pod sandbox changed, it will be killed and re-created.", false),
      ),
      because: "the sandbox is gone, its containers must go as well",
    };
  }
  if (view.busy.size > 0) return { actions: [], because: "operations are under way" };
  if (view.volumes.state !== "ready") return planVolumes(view, nowMs);
  if (view.sandboxFailure && view.sandboxFailure.retryAtMs > nowMs) {
    return { actions: [], because: view.sandboxFailure.message, wakeAtMs: view.sandboxFailure.retryAtMs };
  }
  const attempt = Math.max(-1, ...view.sandboxes.map((sandbox) => sandbox.attempt)) + 1;
  const dead = view.sandboxes
    .filter((sandbox) => sandbox.attempt < attempt - 1)
    .map((sandbox) => ({ type: "removeSandbox" as const, id: sandbox.id }));
  return {
    actions: [...dead, { type: "createSandbox", attempt }],
    because: attempt === 0 ? "the pod is new here" : "the sandbox does not run",
  };
}

function planVolumes(view: PodView, nowMs: number): PodPlan {
  if (view.busy.has("")) return { actions: [], because: "volumes are being prepared" };
  if (view.volumes.state === "failed" && view.volumes.retryAtMs > nowMs)
    return { actions: [], because: view.volumes.message, wakeAtMs: view.volumes.retryAtMs };
  return { actions: [{ type: "prepareVolumes" }], because: "volumes are not ready" };
}

/** One init container at a time; a sidecar counts as done when it has started, and is kept running. */
function planInit(view: PodView, sandbox: SandboxView, nowMs: number): PodPlan {
  const { init } = containersOf(view.pod);
  const plans: PodPlan[] = [];
  for (const container of init) {
    const done = initDone(view, sandbox, container);
    if (!done || isSidecar(container)) plans.push(planContainer(view, sandbox, container, true, nowMs));
    if (!done) return merge(plans, `init container ${container.name} has not completed`);
  }
  return merge(plans, "all init containers have completed");
}

function planRegular(view: PodView, sandbox: SandboxView, nowMs: number): PodPlan {
  const { init, regular } = containersOf(view.pod);
  const plans = [
    ...init.filter(isSidecar).map((container) => planContainer(view, sandbox, container, true, nowMs)),
    ...regular.map((container) => planContainer(view, sandbox, container, false, nowMs)),
  ];
  return merge(plans, "all containers are as they should be");
}

const nothing = (because: string, wakeAtMs?: number): PodPlan => ({
  actions: [],
  because,
  ...(wakeAtMs === undefined ? {} : { wakeAtMs }),
});

function planContainer(
  view: PodView,
  sandbox: SandboxView,
  container: Container,
  isInit: boolean,
  nowMs: number,
): PodPlan {
  const { name } = container;
  if (view.busy.has(name)) return nothing(`container ${name}: an operation is under way`);
  const latest = latestAttempt(view, name);
  const last = attemptIn(view, sandbox, name);
  if (last?.state === "running") return planAlive(view, container, last, nowMs);
  const failure = view.failures.get(name);
  if (failure && failure.retryAtMs > nowMs) return nothing(`container ${name}: ${failure.message}`, failure.retryAtMs);
  if (last?.state === "exited") {
    if (!mayRestart(view.pod, container, isInit, last))
      return nothing(`container ${name} has ended and is not to be restarted`);
    const { untilMs } = backoffOf(view, last, nowMs);
    if (untilMs > nowMs) return nothing(`container ${name} waits before its next attempt`, untilMs);
  }
  const known = Math.max(latest?.attempt ?? -1, knownRestarts(view.pod, name) ?? -1);
  const because = last
    ? `container ${name} has ended with code ${last.exitCode ?? "unknown"}`
    : known >= 0
      ? `container ${name} has vanished`
      : `container ${name} has not run yet`;
  const start = {
    type: "startContainer",
    name,
    attempt: known + 1,
    crashes: last ? crashesAfter(last) : 0,
    because,
  } as const;
  // A container that was created and never started (the agent died in between) is in the way.
  return { actions: last?.state === "created" ? [{ type: "removeContainer", name, id: last.id }] : [start], because };
}

function planAlive(view: PodView, container: Container, running: ContainerView, nowMs: number): PodPlan {
  if (view.stopping.has(running.id)) return nothing(`container ${container.name} is being stopped`);
  const because = reasonToRestart(view, container, running);
  if (!because) return planResize(view, container, running, nowMs);
  const { startup, liveness } = view.probes.get(running.id) ?? {};
  const probe =
    startup?.result === "failure"
      ? container.startupProbe
      : liveness?.result === "failure"
        ? container.livenessProbe
        : undefined;
  const grace = probe?.terminationGracePeriodSeconds ?? view.pod.spec?.terminationGracePeriodSeconds ?? 30;
  return { actions: [stop(running, grace, because, true)], because };
}

function planResize(view: PodView, container: Container, running: ContainerView, nowMs: number): PodPlan {
  const step = resizeStep(view, container, running);
  if (step === "none") return nothing(`container ${container.name} runs`);
  if (step === "restart") {
    const because = `Container ${container.name} resize requires restart`;
    return { actions: [stop(running, view.pod.spec?.terminationGracePeriodSeconds ?? 30, because, true)], because };
  }
  const failure = view.resizeFailures.get(container.name);
  if (failure && failure.retryAtMs > nowMs) return nothing(failure.message, failure.retryAtMs);
  const because = `container ${container.name} is to have other resources`;
  return { actions: [{ type: "resizeContainer", name: container.name, id: running.id }], because };
}

function reasonToRestart(view: PodView, container: Container, running: ContainerView): string | undefined {
  if (running.specHash !== specHash(container))
    return `Container ${container.name} definition changed, will be restarted`;
  const verdicts = view.probes.get(running.id);
  if (verdicts?.startup?.result === "failure")
    return `Container ${container.name} failed startup probe, will be restarted`;
  if (hasStarted(view, running) && verdicts?.liveness?.result === "failure")
    return `Container ${container.name} failed liveness probe, will be restarted`;
  return undefined;
}

/** Of each container the newest two attempts stay: the present one and the one that `--previous` shows. */
function surplus(view: PodView): PodAction[] {
  const names = new Set(view.containers.map((container) => container.name));
  return [...names].flatMap((name) =>
    view.containers
      .filter((container) => container.name === name)
      .toSorted((a, b) => b.attempt - a.attempt)
      .slice(2)
      .filter((container) => container.state !== "running" && !view.busy.has(name))
      .map((container) => ({ type: "removeContainer" as const, name, id: container.id })),
  );
}

function stop(container: ContainerView, graceSeconds: number, because: string, runPreStop: boolean): PodAction {
  return { type: "stopContainer", name: container.name, id: container.id, graceSeconds, because, runPreStop };
}

function withActions(first: readonly PodAction[], plan: PodPlan): PodPlan {
  return first.length === 0 ? plan : { ...plan, actions: [...first, ...plan.actions] };
}

function merge(plans: readonly PodPlan[], otherwise: string): PodPlan {
  const acting = plans.filter((plan) => plan.actions.length > 0);
  const wakes = plans.flatMap((plan) => (plan.wakeAtMs === undefined ? [] : [plan.wakeAtMs]));
  return {
    actions: plans.flatMap((plan) => plan.actions),
    because:
      acting.length > 0
        ? acting.map((plan) => plan.because).join("; ")
        : (plans.find((plan) => plan.wakeAtMs !== undefined)?.because ?? otherwise),
    ...(wakes.length > 0 ? { wakeAtMs: Math.min(...wakes) } : {}),
  };
}
