// One pod's loop: observe, plan, act, report, wait. Operations that last (a pull, a grace period) run beside the loop and
// wake it when they end, so that a pod that waits for one thing still reports and does the others.
import type { Pod, PodStatus } from "@coxswain/api/core/v1";
import type { Timer } from "@coxswain/clock";
import { backoffMarks, backoffTimes } from "../../core/pod/backoff.ts";
import { hostPortsOf } from "../../core/network/host-ports.ts";
import type { HostPort } from "../../core/network/host-ports.ts";
import { allContainersOf } from "../../core/pod/lifecycle.ts";
import { isOverwritten, ownConditions } from "../../core/pod/overwritten.ts";
import { planPod } from "../../core/pod/plan.ts";
import { podStatus } from "../../core/pod/status.ts";
import type { ContainerView, PodEnding, PodView } from "../../core/pod/view.ts";
import { messageOf } from "../../errors.ts";
import type { PodPorts } from "../../ports.ts";
import { createProber } from "../probe/prober.ts";
import { createPodObserver } from "../runtime/observe.ts";
import type { PodObservation } from "../runtime/observe.ts";
import { createPodActor } from "./actor.ts";
import { createPodState, mark, nameOf } from "./state.ts";
import type { PodState } from "./state.ts";

export interface PodWorker {
  /** The newest version of the pod; `undefined` when it is gone from the API. */
  update(pod: Pod | undefined): void;
  /** Something about its containers may have changed. */
  poke(): void;
  /** Nothing of the pod may run here, until this is taken back. */
  fence(on: boolean): void;
  /** The node ends the pod, or does not take it. The first reason stays. */
  end(ending: PodEnding): void;
  /** What was last reported of it. */
  pod(): Pod;
  /** The phases of its start here, as milliseconds since it was first seen. */
  timeline(): readonly { readonly phase: string; readonly afterMs: number }[];
  /** Why it is as it is: the `because` of the last plan. */
  because(): string;
  /** Resolves when nothing of the pod is left, or after `stop`. */
  readonly done: Promise<void>;
  /** Leaves the containers as they are. */
  stop(): Promise<void>;
}

/** A look without an occasion, in case an event was lost. */
const relistMs = 60_000;
const retryMs = 2_000;
/** Slower corrections of the clock are followed without a word. */
const clockJumpMs = 5_000;

export function createPodWorker(initial: Pod, ports: PodPorts): PodWorker {
  const { clock, log } = ports;
  const uid = initial.metadata?.uid ?? "";
  const stopping = new AbortController();
  const state = createPodState(initial);
  let timer: Timer | undefined;
  let wake = Promise.withResolvers<void>();
  let awake = false;
  let publishing: Promise<void> | undefined;
  const poke = (): void => {
    awake = true;
    wake.resolve();
  };
  const prober = createProber({ ...ports, changed: poke });
  const actor = createPodActor(state, ports, { poke, signal: stopping.signal });
  const observer = createPodObserver(uid, {
    runtime: ports.runtime,
    isAttached: (id) => ports.network.isAttached(id),
    addressOf: (id) => ports.network.addressOf?.(id),
    podDirectory: () => ports.volumes.podDirectory(state.pod),
    fallBackToLogs: (name) =>
      allContainersOf(state.pod).some(
        (container) => container.name === name && container.terminationMessagePolicy === "FallbackToLogsOnError",
      ),
  });

  const look = async (): Promise<"again" | "done"> => {
    mindTheClock();
    // What ends while we look is seen half: it counts as under way in this look, and has already asked for the next one.
    const busyBefore = [...state.busy.keys()];
    const observation = await observer.observe(stopping.signal);
    const podIP = podIPOf(observation) ?? state.attachedIP;
    const hooked = inPostStart(state, observation);
    const running = observation.containers.filter(
      (container) => container.state === "running" && !hooked.includes(container),
    );
    prober.follow(state.pod, running, state.pod.spec?.hostNetwork ? (ports.node.hostIPs[0] ?? "") : (podIP ?? ""));
    withdraw();
    const view = {
      ...viewOf(state, ports, observation, podIP, prober.verdicts()),
      busy: new Set([...busyBefore, ...state.busy.keys()]),
    };
    const now = clock.now();
    const plan = planPod(view, now);
    const isThere = observation.sandboxes.some((sandbox) => sandbox.running);
    expose(isThere ? hostPortsOf(state.pod, podIP) : []);
    state.because = plan.because;
    if (plan.actions.length > 0)
      log.debug(
        { object: nameOf(state.pod), actions: plan.actions.map((action) => action.type), because: plan.because },
        "plan",
      );
    const finishing = plan.actions.some((action) => action.type === "finish");
    // The end is told first; a start is not held up by telling of it.
    if (finishing) {
      report(view);
      await publishing;
      if (stopping.signal.aborted) return "done";
    }
    for (const action of plan.actions) if (action.type !== "finish") actor.begin(action, view);
    if (finishing) {
      await actor.finish(view);
      return "done";
    }
    report(viewOf(state, ports, observation, podIP, prober.verdicts()));
    timer?.cancel();
    timer = clock.setTimeout(
      poke,
      Math.max(10, Math.min(relistMs, (plan.wakeAtMs ?? Number.POSITIVE_INFINITY) - clock.now())),
    );
    return "again";
  };

  /** Once, when the pod's deletion is known. */
  const withdraw = (): void => {
    if (!ports.endpoints || state.withdrawal || state.gone || !state.pod.metadata?.deletionTimestamp) return;
    state.withdrawal = "under way";
    void ports.endpoints.withdrawn(state.pod, stopping.signal).then(() => {
      state.withdrawal = "done";
      poke();
    });
  };

  /** Beside the loop as well: the rules' lock may be held by others. */
  const expose = (hostPorts: readonly HostPort[]): void => {
    ports.network.expose(uid, hostPorts, stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted)
        log.warn({ object: nameOf(state.pod), err: error }, "host ports are not as they should be");
    });
  };

  /** Tells of the pod as it is; writing goes on beside the loop, so that a slow API holds up no container. */
  const report = (view: PodView): void => {
    const status = podStatus(view, ports.node, clock.now());
    const text = JSON.stringify(status);
    if (state.gone || text === state.reported) return;
    state.reported = text;
    state.lastStatus = status;
    // The engine's news of a start may come before the answer to it.
    for (const { name, startedAtMs } of view.containers)
      if (startedAtMs !== undefined) mark(state, `started ${name}`, clock.now());
    if (status.phase === "Running") mark(state, "running", clock.now());
    if (status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
      mark(state, "ready", clock.now());
    tellBackoffs(status);
    observeStart(status);
    tell();
  };

  const tell = (): void =>
    void (publishing ??= publish().finally(() => {
      publishing = undefined;
      // What came while our write was under way could not be compared with it then.
      restore(state.apiPod);
    }));

  /** Writes the newest status until the API has it. Those in between are skipped. */
  const publish = async (): Promise<void> => {
    while (state.written !== state.reported && state.lastStatus && !state.gone && !stopping.signal.aborted) {
      try {
        await (ports.inTurn ? ports.inTurn(writeNewest) : writeNewest());
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn(
          { object: nameOf(state.pod), err: messageOf(error) },
          "a pod's status could not be written; trying again",
        );
        await clock.sleep(retryMs, stopping.signal).catch(() => undefined);
      }
    }
  };

  const writeNewest = async (): Promise<void> => {
    const { reported, lastStatus } = state;
    if (!lastStatus || state.gone) return;
    const written = await ports.api.writeStatus(
      { ...state.apiPod, ...(state.writtenStatus ? { status: state.writtenStatus } : {}) },
      lastStatus,
      stopping.signal,
    );
    state.written = reported;
    state.writtenStatus = lastStatus;
    state.writtenVersion = written?.metadata.resourceVersion;
    if (written) return;
    state.gone = true;
    poke();
  };

  /** Writes our status once more when somebody has changed it since; what was seen before our last write says nothing. */
  const restore = ({ metadata, status }: Pod): void => {
    const { lastStatus, writtenVersion = "0" } = state;
    if (state.gone || stopping.signal.aborted || state.written !== state.reported) return;
    if (!lastStatus || !isOverwritten(status, lastStatus)) return;
    if (BigInt(metadata.resourceVersion ?? "0") <= BigInt(writtenVersion)) return;
    state.written = "";
    tell();
  };

  /** One event for each wait, as the kubelet has it. */
  const tellBackoffs = (status: PodStatus): void => {
    for (const { name, state: now } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      const waiting = now?.waiting?.reason === "CrashLoopBackOff" ? (now.waiting.message ?? "") : "";
      if (waiting !== "" && state.toldBackoffs.get(name) !== waiting) {
        ports.events.record(
          state.pod,
          name,
          "Warning",
          "BackOff",
          `Back-off restarting failed container ${name} in pod ${/pod=([^,]*)/.exec(waiting)?.[1] ?? ""}`,
        );
      }
      state.toldBackoffs.set(name, waiting);
    }
  };

  let startObserved = initial.status?.phase === "Running";
  const observeStart = (status: PodStatus): void => {
    if (startObserved || status.phase !== "Running") return;
    startObserved = true;
    ports.metrics.podStart.observe((clock.now() - state.seenAtMs) / 1000);
  };
  state.seenAtMs = clock.now();
  if (initial.metadata.deletionTimestamp) state.deletionSeenAtMs = state.seenAtMs;

  /** Somebody has mended the cause and does not want to wait. */
  const retryNow = (): void => {
    const now = clock.now();
    state.retriedAtMs = now;
    for (const [name, failure] of state.failures) state.failures.set(name, { ...failure, retryAtMs: now });
    if (state.sandboxFailure) state.sandboxFailure = { ...state.sandboxFailure, retryAtMs: now };
    if (state.volumes.state === "failed") state.volumes = { ...state.volumes, retryAtMs: now };
  };

  /** Waits are kept as times of the wall clock. When somebody sets it they mean nothing any more, and end. */
  const mindTheClock = (): void => {
    const offsetMs = clock.now() - clock.monotonic();
    if (state.clockOffsetMs !== undefined && Math.abs(offsetMs - state.clockOffsetMs) > clockJumpMs) {
      log.info({ object: nameOf(state.pod), byMs: offsetMs - state.clockOffsetMs }, "the machine's clock was set");
      retryNow();
      if (state.deletionSeenAtMs !== undefined) state.deletionSeenAtMs = clock.now();
    }
    state.clockOffsetMs = offsetMs;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      awake = false;
      try {
        if ((await look()) === "done") return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ object: nameOf(state.pod), err: error }, "the pod could not be looked after; trying again");
        timer?.cancel();
        timer = clock.setTimeout(poke, retryMs);
      }
      if (!awake) await wake.promise;
      wake = Promise.withResolvers();
    }
  };
  const done = run().finally(async () => {
    timer?.cancel();
    await publishing;
    prober.stop();
  });

  return {
    update(pod) {
      const isEcho = pod?.metadata.resourceVersion === state.writtenVersion && saysTheSame(pod, state.apiPod);
      if (!pod) state.gone = true;
      else {
        if (
          pod.metadata.annotations?.[backoffMarks.retryAt] !== state.apiPod.metadata.annotations?.[backoffMarks.retryAt]
        )
          retryNow();
        if (pod.metadata.deletionTimestamp !== state.apiPod.metadata.deletionTimestamp)
          state.deletionSeenAtMs = clock.now();
        state.apiPod = pod;
        if (pod.metadata?.deletionTimestamp) actor.abortStarts();
        restore(pod);
      }
      if (!pod) actor.abortStarts();
      if (!pod || !isEcho) poke();
    },
    poke,
    fence(on) {
      state.fenced = on;
      if (on) actor.cutStarts();
      poke();
    },
    end(ending) {
      state.ending ??= ending;
      actor.cutStarts();
      poke();
    },
    pod: () => state.pod,
    timeline: () => [...state.timeline].map(([phase, atMs]) => ({ phase, afterMs: atMs - state.seenAtMs })),
    because: () => state.because,
    done,
    async stop() {
      stopping.abort(new Error("the agent stops"));
      wake.resolve();
      await done;
    },
  };
}

/** Whether a pod that comes back from our own write asks for nothing new. It may carry what somebody else changed shortly before. */
function saysTheSame(one: Pod | undefined, other: Pod): boolean {
  const said = ({ metadata, status }: Pod): string =>
    JSON.stringify([
      metadata.generation,
      metadata.deletionTimestamp,
      metadata.annotations,
      (status?.conditions ?? []).filter(({ type }) => !ownConditions.has(type)),
    ]);
  return one?.metadata.generation !== undefined && said(one) === said(other);
}

function viewOf(
  state: PodState,
  ports: PodPorts,
  observation: PodObservation,
  podIP: string | undefined,
  probes: PodView["probes"],
): PodView {
  return {
    pod: state.pod,
    orphaned: state.gone,
    sandboxes: observation.sandboxes,
    containers: observation.containers,
    busy: new Set(state.busy.keys()),
    stopping: state.stopping,
    volumes: state.volumes,
    failures: state.failures,
    sandboxFailure: state.sandboxFailure,
    probes,
    inPostStart: new Set(inPostStart(state, observation).map((container) => container.id)),
    podIP,
    backoff: backoffTimes(state.apiPod, ports.backoff),
    retriedAtMs: state.retriedAtMs,
    deletionSeenAtMs: state.deletionSeenAtMs,
    fenced: state.fenced,
    ending: state.ending,
    isAddressed: state.withdrawal === "under way" && !state.gone && !state.fenced,
    node: {
      ...ports.node,
      // Counted over all pods of the node; few looks ask.
      get room() {
        return ports.roomFor(state.apiPod);
      },
    },
    resizeFailures: state.resizeFailures,
  };
}

/** Running containers whose start is not through yet because of their hook: not started, and not to be probed. */
function inPostStart(state: PodState, observation: PodObservation): readonly ContainerView[] {
  const { initContainers = [], containers = [] } = state.pod.spec ?? {};
  const hooked = [...initContainers, ...containers].filter(
    (container) => container.lifecycle?.postStart && state.busy.has(container.name),
  );
  return observation.containers.filter(
    (view) => view.state === "running" && hooked.some((container) => container.name === view.name),
  );
}

function podIPOf(observation: PodObservation): string | undefined {
  return observation.sandboxes.filter((sandbox) => sandbox.running).toSorted((a, b) => b.attempt - a.attempt)[0]?.podIP;
}
