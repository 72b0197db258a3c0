// Carries a preemption out: the pod is promised the node at once, so that nobody else takes the room; the deletions are written
// while other pods are scheduled; only then may the pod be tried again.
import { preemptArgs, readPreemption, concerns } from "./core/extender.ts";
import { pickCandidate } from "./core/preemption/pick.ts";
import type { Candidate } from "./core/preemption/victims.ts";
import { priorityOf } from "./core/placed-pod.ts";
import type { QueuedPod } from "./core/queue.ts";
import { clearNomination } from "./io/condition.ts";
import { evictVictim } from "./io/preempt.ts";
import { eventObject, textOf } from "./parts.ts";
import type { SchedulerParts } from "./parts.ts";

/** The candidate to carry out, after the extenders have had their say. */
export async function decidePreemption(
  parts: SchedulerParts,
  queued: QueuedPod,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Candidate | undefined> {
  let left = candidates;
  for (const extender of parts.extenders) {
    const { config } = extender;
    if (config.preemptVerb === "" || left.length === 0 || !concerns(config, queued.pod)) continue;
    try {
      left = readPreemption(
        await extender.ask(config.preemptVerb, preemptArgs(config, queued.pod, left), signal),
        left,
      );
    } catch (error) {
      if (!config.ignorable) throw error;
      parts.log.warn({ extender: config.urlPrefix, err: textOf(error) }, "an extender is passed over");
    }
  }
  return pickCandidate(left);
}

/** Promises the node and begins; the promise is the writing. */
export async function evict(
  parts: SchedulerParts,
  { key, pod, profile }: QueuedPod,
  { node, victims }: Candidate,
  rejectedBy: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { queue, cluster, clock, log, metrics, client, recorder } = parts;
  const nodeName = node.name;
  const lesser = cluster.nominations.below(nodeName, priorityOf(pod));
  cluster.nominations.set(pod, nodeName);
  queue.preempting(
    key,
    victims.map((victim) => victim.key),
  );
  metrics.preemptions.inc({});
  metrics.victims.observe(victims.length);
  let failure: unknown;
  const remove = async (victim: Candidate["victims"][number]): Promise<void> => {
    parts.permits.deny(victim.key, "DefaultPreemption", "preempted");
    try {
      await parts.writes.run(() => evictVictim(client, victim.pod, profile.schedulerName, clock.now(), signal));
      const text = `Preempted by pod ${pod.metadata.uid} on node ${nodeName}`;
      recorder.record(eventObject(victim.pod), "Normal", "Preempted", text);
    } catch (error) {
      failure = error;
    }
  };
  // Less important pods that were promised the node must look for another.
  const release = async ({ key: other, pod: loser }: Candidate["victims"][number]): Promise<void> => {
    cluster.nominations.remove(other);
    queue.reconsider(other, clock.now());
    await clearNomination(client, loser, signal).catch((err: unknown) =>
      log.warn({ object: other, err }, "a nomination could not be taken back"),
    );
  };
  await Promise.all([...victims.map(remove), ...lesser.map(release)]);
  if (failure !== undefined) {
    cluster.nominations.remove(key);
    log.warn(
      { object: key, node: nodeName, err: failure },
      "not every victim could be removed; the pod is tried again",
    );
  }
  queue.preempted(key, rejectedBy, failure === undefined, clock.now());
}
