// From a chosen node to a bound pod: permission, what must be written before, the binding itself, and what is said after. When
// any step fails, everything that was taken for the pod is given back and it is tried again after a pause.
import { bindArgs, bindError, concerns } from "./core/extender.ts";
import type { Evaluation } from "./core/evaluation.ts";
import type { NodeState } from "./core/node-state.ts";
import type { VolumeAction } from "./core/volumes/binding.ts";
import type { QueuedPod } from "./core/queue.ts";
import { bindPod, lookAtBinding } from "./io/bind.ts";
import type { BindOutcome } from "./io/bind.ts";
import { bindVolumes } from "./io/volumes.ts";
import { eventObject, textOf } from "./parts.ts";
import type { SchedulerParts } from "./parts.ts";

export interface Binder {
  /** Takes at once what the pod needs on the node; the promise is the rest. */
  settle(
    queued: QueuedPod,
    node: NodeState,
    evaluation: Evaluation,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Pause between looks at a pod of which nobody knows whether it is bound. */
const retryMs = 1_000;
/** How long a binding that has been sent is waited for when the scheduler stops or leads no more. */
const patienceMs = 5_000;

export function createBinder(parts: SchedulerParts, nudge: () => void): Binder {
  const patiences = new WeakMap<AbortSignal, AbortController>();
  const { queue, cluster, clock, log, metrics, client } = parts;

  const attempted = (result: "scheduled" | "error", { profile }: QueuedPod, startedMs: number): void => {
    const labels = { result, profile: profile.schedulerName };
    metrics.attempts.inc(labels);
    metrics.attemptSeconds.observe((clock.monotonic() - startedMs) / 1000, labels);
  };

  /** Aborts some time after the signal. */
  const patienceAfter = (signal: AbortSignal): AbortSignal => {
    const known = patiences.get(signal);
    if (known !== undefined) return known.signal;
    const end = new AbortController();
    patiences.set(signal, end);
    const begin = (): void => void clock.setTimeout(() => end.abort(signal.reason), patienceMs);
    if (signal.aborted) begin();
    else signal.addEventListener("abort", begin, { once: true });
    return end.signal;
  };

  const bind = async ({ pod }: QueuedPod, nodeName: string, signal: AbortSignal): Promise<BindOutcome> => {
    const binder = parts.extenders.find(({ config }) => config.bindVerb !== "" && concerns(config, pod));
    if (binder === undefined) {
      let outcome = await bindPod(client, pod, nodeName, signal);
      // As long as it may be bound, its room is held.
      while (outcome.outcome === "unknown" && !signal.aborted) {
        await clock.sleep(retryMs, signal).catch(() => undefined); // only the signal rejects
        outcome = await lookAtBinding(client, pod, nodeName, outcome.error, signal);
      }
      return outcome;
    }
    const error = bindError(await binder.ask(binder.config.bindVerb, bindArgs(pod, nodeName), signal));
    return error === undefined ? { outcome: "bound" } : { outcome: "failed", error: new Error(error) };
  };

  const perform = async (
    queued: QueuedPod,
    nodeName: string,
    actions: readonly VolumeAction[],
    signal: AbortSignal,
  ): Promise<BindOutcome> => {
    const { pod, profile } = queued;
    try {
      if (profile.permits.length > 0) {
        const refusal = await parts.permits.ask(profile.permits, pod, nodeName, signal);
        if (refusal !== undefined) return { outcome: "failed", error: new Error(refusal) };
      }
      const waiting = { client, clock, catalog: cluster.volumes, change: parts.volumeChange };
      for (const action of actions) await bindVolumes(action, waiting, signal);
      // What has been begun is waited for: whoever leads next must not count without it.
      return await parts.writes.run(() => bind(queued, nodeName, patienceAfter(signal)));
    } catch (error) {
      return { outcome: "failed", error };
    }
  };

  const conclude = (
    queued: QueuedPod,
    nodeName: string,
    outcome: BindOutcome,
    giveBack: () => void,
    startedMs: number,
  ): void => {
    const { pod, key, profile } = queued;
    if (outcome.outcome === "bound") {
      attempted("scheduled", queued, startedMs);
      metrics.podSeconds.observe((clock.now() - queued.addedAtMs) / 1000, { attempts: Math.min(queued.attempts, 16) });
      parts.recorder.record(eventObject(pod), "Normal", "Scheduled", `Successfully assigned ${key} to ${nodeName}`);
      for (const plugin of profile.postBinds) plugin.postBind?.(pod, nodeName);
      return;
    }
    cluster.forget(pod);
    if (outcome.outcome === "moot" && outcome.pod !== undefined) cluster.setPod(outcome.pod);
    giveBack();
    queue.failed(key, clock.now());
    // What was held for the pod is free again: those who found no room for it may go on.
    queue.wake({ type: "pod-gone", pod }, clock.now());
    nudge();
    if (outcome.outcome === "moot") {
      log.info({ object: key, node: nodeName, because: outcome.because }, "a binding was not needed any more");
      return;
    }
    attempted("error", queued, startedMs);
    log.warn({ object: key, node: nodeName, err: outcome.error }, "a binding failed; the pod is tried again");
    const text = `binding rejected: ${textOf(outcome.error)}`;
    parts.recorder.record(eventObject(pod), "Warning", "FailedScheduling", text);
  };

  return {
    settle(queued, node, evaluation, startedMs, signal) {
      const { pod, profile } = queued;
      const undo: (() => void)[] = [];
      const actions: VolumeAction[] = [];
      // In this order: what has to be written is asked for while nothing is taken yet.
      for (const index of profile.preBinds) {
        const action = profile.plugins[index]?.preBind?.(pod, evaluation.preparedFor(index), node);
        if (action !== undefined) actions.push(action);
      }
      for (const index of profile.reserves) {
        const giveBack = profile.plugins[index]?.reserve?.(pod, evaluation.preparedFor(index), node);
        if (giveBack !== undefined) undo.unshift(giveBack);
      }
      cluster.assume(pod, node.name);
      const giveBack = (): void => {
        for (const one of undo) one();
      };
      return perform(queued, node.name, actions, signal).then((outcome) =>
        conclude(queued, node.name, outcome, giveBack, startedMs),
      );
    },
  };
}
