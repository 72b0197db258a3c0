// One attempt to place a pod: which nodes can, which is best, and what follows. Without extenders all of the choosing happens at
// once, so nothing changes under it; with them the world may have moved on, and the choice is checked again before it counts.
import { rfc3339Micro } from "@coxswain/clock";
import type { Binder } from "./binding.ts";
import { chooseNode, filterNodes } from "./core/cycle.ts";
import type { Filtered, ScoreTable } from "./core/cycle.ts";
import type { Evaluation } from "./core/evaluation.ts";
import { rejectingPlugins, unschedulableMessage } from "./core/explain.ts";
import type { PreemptionRecord } from "./core/explain.ts";
import { addScores, concerns, nodeArgs, readFilter } from "./core/extender.ts";
import type { Extender } from "./core/extender.ts";
import type { NodeState } from "./core/node-state.ts";
import { pickCandidate } from "./core/preemption/pick.ts";
import type { PreemptionOutcome } from "./core/preemption/preemption.ts";
import type { QueuedPod } from "./core/queue.ts";
import { decidePreemption, evict } from "./eviction.ts";
import { reportUnscheduled } from "./io/condition.ts";
import { eventObject, textOf } from "./parts.ts";
import type { SchedulerParts } from "./parts.ts";

export interface Attempts {
  /** Decides on a pod; the promise is what has to be asked and written. */
  make(queued: QueuedPod, signal: AbortSignal): Promise<void>;
  /** Resolves when the extenders have been asked about the last pod. */
  decided(): Promise<void>;
}

export function createAttempts(parts: SchedulerParts, binder: Binder, nudge: () => void): Attempts {
  const { queue, cluster, clock, random, log, metrics, client, recorder } = parts;
  let startAt = 0;
  /** The attempt that waits for extenders. */
  let consulting: Promise<unknown> = Promise.resolve();

  const record = (
    { key, pod, profile, attempts }: QueuedPod,
    filtered: Filtered,
    choice: { readonly node: NodeState; readonly table: ScoreTable } | undefined,
    preemption: PreemptionRecord | undefined,
  ): void =>
    parts.decisions.add({
      pod: key,
      uid: pod.metadata.uid ?? "",
      time: rfc3339Micro(clock.now()),
      profile: profile.schedulerName,
      attempt: attempts,
      filtered,
      node: choice?.node.name,
      table: choice?.table,
      preemption,
    });

  const report = (queued: QueuedPod, message: string, nominatedNodeName: string | undefined, signal: AbortSignal) => {
    recorder.record(eventObject(queued.pod), "Warning", "FailedScheduling", message);
    const status = { reason: "Unschedulable", message, nominatedNodeName } as const;
    return parts.writes.run(() => reportUnscheduled(client, queued.pod, status, clock.now(), signal));
  };

  const preemptionFor = (
    queued: QueuedPod,
    evaluation: Evaluation,
    filtered: Filtered,
  ): PreemptionOutcome | undefined => {
    const { pod, key, profile } = queued;
    if (profile.preemption === undefined || filtered.nodeCount === 0) return undefined;
    return parts.preemptor.plan({
      pod,
      key,
      nominated: cluster.nominations.nodeOf(key),
      evaluation,
      filtered,
      cluster,
      args: profile.preemption,
      draw: (below) => random.int(below),
    });
  };

  const refuse = async (
    queued: QueuedPod,
    evaluation: Evaluation,
    filtered: Filtered,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const { key, profile } = queued;
    const labels = { result: "unschedulable", profile: profile.schedulerName };
    metrics.attempts.inc(labels);
    metrics.attemptSeconds.observe((clock.monotonic() - startedMs) / 1000, labels);
    const rejectedBy = rejectingPlugins(filtered);
    const plan = preemptionFor(queued, evaluation, filtered);
    if (plan?.outcome === "candidates") {
      // Not tried meanwhile, whatever happens.
      queue.preempting(key, []);
      // Without extenders at once: the room must be promised before the next pod has its turn.
      const candidate =
        parts.extenders.length === 0
          ? pickCandidate(plan.candidates)
          : await decidePreemption(parts, queued, plan.candidates, signal);
      if (candidate !== undefined) {
        const victims = candidate.victims.map((victim) => victim.key);
        const message = `room is being made on ${candidate.node.name}`;
        record(queued, filtered, undefined, { message, node: candidate.node.name, victims });
        log.debug({ object: key, node: candidate.node.name, victims }, "less important pods make room");
        const evicting = evict(parts, queued, candidate, rejectedBy, signal).finally(nudge);
        await Promise.all([evicting, report(queued, unschedulableMessage(filtered), candidate.node.name, signal)]);
        return;
      }
      queue.preempted(key, rejectedBy, false, clock.now());
    }
    const said = plan === undefined || plan.outcome === "candidates" ? undefined : plan.message;
    const message = unschedulableMessage(filtered, said);
    record(queued, filtered, undefined, said === undefined ? undefined : { message: said });
    queue.unschedulable(key, rejectedBy, clock.now());
    log.debug({ object: key, because: message }, "no node fits");
    // A nomination that led nowhere is taken back.
    const takenBack = plan?.outcome === "none";
    if (takenBack) cluster.nominations.remove(key);
    await report(queued, message, takenBack ? "" : undefined, signal);
  };

  const place = (
    queued: QueuedPod,
    evaluation: Evaluation,
    filtered: Filtered,
    extra: Float64Array | undefined,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const choice = chooseNode(evaluation, filtered.feasible, (below) => random.int(below), extra);
    metrics.algorithmSeconds.observe((clock.monotonic() - startedMs) / 1000);
    record(queued, filtered, choice, undefined);
    log.debug({ object: queued.key, node: choice.node.name }, "binding");
    return binder.settle(queued, choice.node, evaluation, startedMs, signal);
  };

  const consult = async (
    queued: QueuedPod,
    asked: readonly Extender[],
    evaluation: Evaluation,
    first: Filtered,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const answers = async () => {
      const filtered = await filterWithExtenders(parts, asked, queued, first, signal);
      return { filtered, scores: await scoreWithExtenders(parts, asked, queued, filtered.feasible, signal) };
    };
    const answered = answers();
    consulting = answered;
    const { filtered, scores } = await answered;
    if (filtered.feasible.length === 0) return refuse(queued, evaluation, filtered, startedMs, signal);
    // The answers took their time: only nodes that will still do are left.
    const now = parts.evaluations.of(queued.pod, queued.profile);
    const kept = filtered.feasible.map(
      ({ name }) =>
        cluster.node(name) !== undefined && now.check(cluster.node(name) as NodeState, queued.key) === undefined,
    );
    const still = { ...filtered, feasible: filtered.feasible.filter((_node, index) => kept[index]) };
    if (still.feasible.length === 0) {
      queue.failed(queued.key, clock.now());
      return nudge();
    }
    return place(
      queued,
      now,
      still,
      scores?.filter((_score, index) => kept[index]),
      startedMs,
      signal,
    );
  };

  const decide = (queued: QueuedPod, signal: AbortSignal): Promise<void> => {
    const { pod, key, profile } = queued;
    const startedMs = clock.monotonic();
    const evaluation = parts.evaluations.of(pod, profile);
    const filtered = filterNodes({ evaluation, key, cluster, startAt, nominated: cluster.nominations.nodeOf(key) });
    startAt = filtered.nodeCount === 0 ? 0 : (startAt + filtered.examined) % filtered.nodeCount;
    if (filtered.feasible.length === 0) {
      metrics.algorithmSeconds.observe((clock.monotonic() - startedMs) / 1000);
      return refuse(queued, evaluation, filtered, startedMs, signal);
    }
    const asked = parts.extenders.filter(({ config }) => concerns(config, pod));
    return asked.length === 0
      ? place(queued, evaluation, filtered, undefined, startedMs, signal)
      : consult(queued, asked, evaluation, filtered, startedMs, signal);
  };

  return {
    // What went wrong is told by the attempt itself.
    decided: () => Promise.allSettled([consulting]).then(() => undefined),
    async make(queued, signal) {
      try {
        await decide(queued, signal);
      } catch (error) {
        if (signal.aborted) return;
        // A pod that breaks a rule's assumptions, or an extender that fails: this pod alone is held up.
        const { key, pod, profile } = queued;
        metrics.attempts.inc({ result: "error", profile: profile.schedulerName });
        log.warn({ object: key, err: error }, "an attempt failed; the pod is tried again");
        queue.failed(key, clock.now());
        nudge();
        recorder.record(eventObject(pod), "Warning", "FailedScheduling", textOf(error));
        const status = { reason: "SchedulerError", message: textOf(error), nominatedNodeName: undefined } as const;
        await reportUnscheduled(client, pod, status, clock.now(), signal).catch((err: unknown) =>
          log.warn({ object: key, err }, "a failed attempt could not be reported"),
        );
      }
    },
  };
}

async function filterWithExtenders(
  { log }: SchedulerParts,
  asked: readonly Extender[],
  { pod }: QueuedPod,
  first: Filtered,
  signal: AbortSignal,
): Promise<Filtered> {
  let filtered = first;
  for (const extender of asked) {
    const { config } = extender;
    if (config.filterVerb === "" || filtered.feasible.length === 0) continue;
    try {
      const answer = await extender.ask(config.filterVerb, nodeArgs(config, pod, filtered.feasible), signal);
      const { feasible, rejected } = readFilter(answer, filtered.feasible, config);
      filtered = { ...filtered, feasible, rejected: [...filtered.rejected, ...rejected] };
    } catch (error) {
      if (!config.ignorable) throw error;
      log.warn({ extender: config.urlPrefix, err: textOf(error) }, "an extender is passed over");
    }
  }
  return filtered;
}

/** An extender that cannot say what it prefers does not hold the pod up, as in Kubernetes. */
async function scoreWithExtenders(
  { log }: SchedulerParts,
  asked: readonly Extender[],
  { pod }: QueuedPod,
  feasible: readonly NodeState[],
  signal: AbortSignal,
): Promise<Float64Array | undefined> {
  const scoring = asked.filter(({ config }) => config.prioritizeVerb !== "");
  if (scoring.length === 0 || feasible.length < 2) return undefined;
  const sums = new Float64Array(feasible.length);
  const answers = await Promise.all(
    scoring.map(({ ask, config }) =>
      ask(config.prioritizeVerb, nodeArgs(config, pod, feasible), signal).catch((error: unknown) => {
        log.warn({ extender: config.urlPrefix, err: textOf(error) }, "an extender's preferences are passed over");
        return [];
      }),
    ),
  );
  scoring.forEach(({ config }, index) => addScores(answers[index], feasible, config, sums));
  return sums;
}
