// Performs a pod's actions and keeps account of them in the worker's state. It decides nothing: each action comes from the
// plan with its reason.
import type { Container, Pod } from "@coxswain/api/core/v1";
import { sandboxConfig } from "../../core/container/config.ts";
import { containerResources } from "../../core/container/resources.ts";
import { backoffTimes, nextDelayMs } from "../../core/pod/backoff.ts";
import { allContainersOf, containersOf, currentSandbox, latestAttempt } from "../../core/pod/lifecycle.ts";
import { effectiveResources } from "../../core/pod/resize.ts";
import type { PodAction } from "../../core/pod/action.ts";
import type { PodView } from "../../core/pod/view.ts";
import { messageOf } from "../../errors.ts";
import type { PodPorts } from "../../ports.ts";
import { runHandler } from "../runtime/hooks.ts";
import { selfView, startContainer } from "../runtime/start-container.ts";
import { mark, nameOf } from "./state.ts";
import type { PodState } from "./state.ts";

export interface PodActor {
  /** Starts the action unless its container (or the pod) is busy. */
  begin(action: PodAction, view: PodView): void;
  /** Gives up what is being started: the pod is to end. */
  abortStarts(): void;
  /** Gives up what is being started, but not for good. */
  cutStarts(): void;
  /** Removes everything of a pod that has ended. */
  finish(view: PodView): Promise<void>;
}

/** The least time a container has between SIGTERM and SIGKILL once a preStop hook has used up the grace, in seconds. */
const leastGraceSeconds = 2;
const resizeRetryMs = 10_000;
const longestSandboxDelayMs = 60_000;
/** After a pull has failed its own reason is shown for a while, then that the agent backs off. */
const pullReasonMs = 3_000;

type Of<T extends PodAction["type"]> = Extract<PodAction, { readonly type: T }>;

export function createPodActor(
  state: PodState,
  ports: PodPorts,
  loop: { readonly poke: () => void; readonly signal: AbortSignal },
): PodActor {
  const { clock, log, runtime, network, volumes, events } = ports;
  let starts = new AbortController();
  let startSignal = AbortSignal.any([starts.signal, loop.signal]);

  const timed = async <T>(operation: string, work: Promise<T>): Promise<T> => {
    const startedAt = clock.monotonic();
    try {
      return await work;
    } catch (error) {
      ports.metrics.runtimeErrors.inc({ operation_type: operation });
      throw error;
    } finally {
      ports.metrics.runtimeOperations.observe((clock.monotonic() - startedAt) / 1000, { operation_type: operation });
    }
  };

  const track = (key: string, work: () => Promise<void>): void => {
    if (state.busy.has(key)) return;
    const signal = startSignal;
    const running = work()
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn({ object: nameOf(state.pod), container: key, err: error }, "an operation failed");
      })
      .finally(() => {
        state.busy.delete(key);
        loop.poke();
      });
    state.busy.set(key, running);
  };

  const prepareVolumes = async (podIP: string | undefined): Promise<void> => {
    const signal = startSignal;
    try {
      await volumes.prepare(selfView(ports, state.pod, podIP), signal);
      state.volumes = { state: "ready" };
      mark(state, "volumes", clock.now());
    } catch (error) {
      if (signal.aborted) return;
      const message = messageOf(error);
      events.record(state.pod, undefined, "Warning", "FailedMount", message);
      state.volumes = { state: "failed", message, retryAtMs: clock.now() + 2_000 };
    }
  };

  /** The kubelet's words when there is no such class. */
  const handlerOf = async ({ spec }: Pod, signal: AbortSignal): Promise<string | undefined> => {
    if (!spec?.runtimeClassName) return undefined;
    const found = await ports.api.runtimeClass(spec.runtimeClassName, signal);
    if (!found) throw new Error(`RuntimeClass ${JSON.stringify(spec.runtimeClassName)} not found`);
    return found.handler;
  };

  const createSandbox = async (attempt: number): Promise<void> => {
    const { pod } = state;
    const signal = startSignal;
    let address: string | undefined;
    try {
      if (attempt > 0)
        events.record(
          pod,
          undefined,
          "Normal",
          "SandboxChanged",
          "Pod sandbox changed, it will be killed and re-created.",
        );
      const isConnected = !pod.spec?.hostNetwork;
      address = isConnected ? await network.reserve() : undefined;
      const config = sandboxConfig(pod, {
        ...{ attempt, image: ports.sandboxImage, podIP: address },
        ...{ clusterDomain: ports.resolver().clusterDomain, handler: await handlerOf(pod, signal) },
        cgroupParent: await ports.cgroups?.prepare(pod),
      });
      const id = await timed("run_podsandbox", runtime.runPodSandbox(config, signal));
      mark(state, "sandbox", clock.now());
      if (isConnected) {
        const sandbox = await runtime.inspect(id);
        if (sandbox?.state !== "running") throw new Error("the sandbox ended before it had its network");
        await timed("attach_network", network.attach({ id, pid: sandbox.pid, address, pod }, signal));
        state.attachedIP = address ?? network.addressOf?.(id);
        mark(state, "network", clock.now());
      }
      state.sandboxFailure = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const message = `Failed to create pod sandbox: ${messageOf(error)}`;
      events.record(pod, undefined, "Warning", "FailedCreatePodSandBox", message);
      const delayMs = state.sandboxFailure ? Math.min(2 * state.sandboxFailure.delayMs, longestSandboxDelayMs) : 1_000;
      state.sandboxFailure = { reason: "CreatePodSandboxError", message, retryAtMs: clock.now() + delayMs, delayMs };
    } finally {
      if (address !== undefined) network.release(address);
    }
  };

  const start = async (action: Of<"startContainer">, view: PodView): Promise<void> => {
    const signal = startSignal;
    const sandbox = currentSandbox(view);
    const container = containerNamed(view.pod, action.name);
    if (!sandbox || !container) return;
    const before = state.failures.get(action.name);
    const podIP = view.pod.spec?.hostNetwork ? (ports.node.hostIPs[0] ?? "") : (view.podIP ?? "");
    const request = {
      pod: state.pod,
      container: { ...container, resources: effectiveResources(view, container) },
      sandboxId: sandbox.id,
      attempt: action.attempt,
      crashes: action.crashes,
      podIP,
      targetContainerId: targetOf(view, action.name),
    };
    const result = await timed("start_container", startContainer(ports, request, signal));
    if ("reason" in result) return fail(container, result, before?.delayMs);
    state.failures.delete(action.name);
    mark(state, `started ${action.name}`, clock.now());
    if (action.attempt > 0) ports.metrics.restarts.inc();
    if (container.lifecycle?.postStart) await postStart(container, result.id, podIP, signal);
  };

  const fail = (
    container: Container,
    failure: { readonly reason: string; readonly message: string },
    previousDelayMs: number | undefined,
  ): void => {
    const isPull = failure.reason === "ErrImagePull";
    const times = backoffTimes(state.apiPod, ports.backoff);
    const delayMs = isPull ? nextDelayMs(previousDelayMs, times) : Math.min(5_000, times.longestMs);
    state.failures.set(container.name, { ...failure, retryAtMs: clock.now() + delayMs, delayMs });
    if (!isPull) return;
    clock.setTimeout(() => {
      const current = state.failures.get(container.name);
      if (current?.reason !== "ErrImagePull" || loop.signal.aborted) return;
      const message = `Back-off pulling image ${JSON.stringify(container.image)}`;
      state.failures.set(container.name, {
        ...current,
        reason: "ImagePullBackOff",
        message: `${message}: ErrImagePull: ${failure.message}`,
      });
      events.record(state.pod, container.name, "Normal", "BackOff", message);
      events.record(state.pod, container.name, "Warning", "Failed", "Error: ImagePullBackOff");
      loop.poke();
    }, pullReasonMs);
  };

  const postStart = async (container: Container, id: string, podIP: string, signal: AbortSignal): Promise<void> => {
    const outcome = await runHandler(
      ports,
      container.lifecycle?.postStart ?? {},
      { containerId: id, container, podIP },
      86_400_000,
      signal,
    );
    if (outcome.ok || signal.aborted) return;
    events.record(
      state.pod,
      container.name,
      "Warning",
      "FailedPostStartHook",
      `PostStartHook failed: ${outcome.message}`,
    );
    events.record(state.pod, container.name, "Normal", "Killing", "FailedPostStartHook");
    await runtime.stopContainer(id, graceOf(state.pod), loop.signal);
  };

  const stop = async (action: Of<"stopContainer">, view: PodView): Promise<void> => {
    const [startedAt, startedMono] = [clock.now(), clock.monotonic()];
    const first = !state.stopping.has(action.id);
    const deadline = startedAt + action.graceSeconds * 1000;
    state.stopping.set(action.id, deadline);
    try {
      const container = containerNamed(view.pod, action.name);
      const hook = action.runPreStop && first ? container?.lifecycle?.preStop : undefined;
      if (first) events.record(state.pod, action.name, "Normal", "Killing", action.because);
      if (hook && container && action.graceSeconds > 0) {
        const outcome = await runHandler(
          ports,
          hook,
          { containerId: action.id, container, podIP: view.podIP ?? ports.node.hostIPs[0] ?? "" },
          action.graceSeconds * 1000,
          loop.signal,
        );
        if (!outcome.ok)
          events.record(
            state.pod,
            action.name,
            "Warning",
            "FailedPreStopHook",
            `PreStopHook failed: ${outcome.message}`,
          );
      }
      const left = action.graceSeconds - (clock.monotonic() - startedMono) / 1000;
      const grace = action.graceSeconds <= 0 ? 0 : Math.max(leastGraceSeconds, left);
      await timed("stop_container", runtime.stopContainer(action.id, grace, loop.signal));
    } finally {
      if (state.stopping.get(action.id) === deadline) state.stopping.delete(action.id);
    }
  };

  const keepLogs = async (containers: PodView["containers"]): Promise<void> => {
    await Promise.all(
      containers
        .filter(({ startedAtMs, state: now }) => startedAtMs !== undefined && now !== "running")
        .map((container) => ports.keepLog(state.pod, container)),
    );
  };

  const resize = async (action: Of<"resizeContainer">, view: PodView): Promise<void> => {
    const container = containerNamed(view.pod, action.name);
    const running = view.containers.find(({ id }) => id === action.id);
    if (!container || !running) return;
    const { oomScoreAdj: _fixed, ...wanted } = containerResources(view.pod, container, ports.node.memoryBytes);
    try {
      const used = (await runtime.stats(action.id, loop.signal))?.memoryWorkingSetBytes ?? 0;
      if (wanted.memoryBytes !== undefined && used >= wanted.memoryBytes)
        throw new Error(
          `attempting to set pod memory limit (${wanted.memoryBytes}) below current usage (${used}) of container ${action.name}`,
        );
      await ports.cgroups?.resize(state.pod, "before");
      await timed("update_container", runtime.updateContainer(action.id, wanted, loop.signal));
      await ports.cgroups?.resize(state.pod, "after");
      state.resizeFailures.delete(action.name);
      const text = `Pod resize completed: ${JSON.stringify({ container: action.name, ...container.resources })}`;
      events.record(state.pod, action.name, "Normal", "ResizeCompleted", text);
    } catch (error) {
      if (loop.signal.aborted) return;
      const message = messageOf(error);
      const first = !state.resizeFailures.has(action.name);
      state.resizeFailures.set(action.name, { reason: "Error", message, retryAtMs: clock.now() + resizeRetryMs });
      if (first) events.record(state.pod, action.name, "Warning", "ResizeError", `Pod resize error: ${message}`);
    }
  };

  return {
    begin(action, view) {
      switch (action.type) {
        case "prepareVolumes":
          return track("", () => prepareVolumes(view.podIP));
        case "createSandbox":
          return track("", () => createSandbox(action.attempt));
        case "removeSandbox":
          return track("", async () => {
            await network.detach?.(action.id);
            await runtime.removePodSandbox(action.id, loop.signal);
          });
        case "stopSandbox":
          return track("", async () => {
            await network.detach?.(action.id);
            await runtime.stopPodSandbox(action.id, loop.signal);
            await ports.cgroups?.remove(state.apiPod.metadata.uid ?? "");
          });
        case "startContainer":
          return track(action.name, () => start(action, view));
        case "removeContainer":
          return track(action.name, async () => {
            await keepLogs(view.containers.filter(({ id }) => id === action.id));
            await runtime.removeContainer(action.id, loop.signal);
          });
        case "resizeContainer":
          return track(action.name, () => resize(action, view));
        case "stopContainer":
          // A shorter deadline may come while the first stop lasts, so each has an entry of its own.
          return track(`${action.name} until ${clock.now() + action.graceSeconds * 1000}`, () => stop(action, view));
        case "finish":
          return;
      }
    },
    abortStarts: () => starts.abort(new Error("the pod is to end")),
    cutStarts() {
      starts.abort(new Error("the node is fenced"));
      starts = new AbortController();
      startSignal = AbortSignal.any([starts.signal, loop.signal]);
    },
    async finish(view) {
      await keepLogs(view.containers);
      await Promise.all(
        view.sandboxes.map(async ({ id }) => {
          await network.detach?.(id);
          await runtime.removePodSandbox(id, loop.signal);
        }),
      );
      await Promise.all(view.containers.map((container) => runtime.removeContainer(container.id, loop.signal)));
      await ports.cgroups?.remove(state.apiPod.metadata?.uid ?? "");
      await volumes.remove(state.apiPod.metadata?.uid ?? "");
      // Last, so that an agent killed in between finds the object again and goes on.
      if (!state.gone) await ports.api.deletePod(state.apiPod, loop.signal);
    },
  };
}

function containerNamed(pod: Pod, name: string): Container | undefined {
  return allContainersOf(pod).find((container) => container.name === name);
}

/** The container whose processes an ephemeral one is to see. */
function targetOf(view: PodView, name: string): string | undefined {
  const target = containersOf(view.pod).ephemeral.find((container) => container.name === name)?.targetContainerName;
  return target ? latestAttempt(view, target)?.id : undefined;
}

function graceOf(pod: Pod): number {
  return pod.spec?.terminationGracePeriodSeconds ?? 30;
}
