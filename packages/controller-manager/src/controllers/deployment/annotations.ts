// The annotations by which a Deployment and its ReplicaSets tell their history: revision, wanted and most replicas.
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Those of rollback.ts. */
export const rollbackMarks = {
  /** On a Deployment, "true": roll back by yourself. */
  wanted: "coxswain.io/rollback-on-deadline",
  /** On a ReplicaSet: its rollout was complete once. */
  complete: "coxswain.io/rollout-complete",
  /** On a Deployment: the ReplicaSet that was given up, and the one that was gone back to. */
  from: "coxswain.io/rolled-back-from",
  to: "coxswain.io/rolled-back-to",
} as const;

const notCopied = new Set<string>([
  rollbackMarks.wanted,
  rollbackMarks.from,
  rollbackMarks.to,
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  "deprecated.deployment.rollback.to",
]);

type Annotations = Readonly<Record<string, string>>;

/** Of 64 bits, as everywhere: a set that is adopted may bring any. What is no number counts as none. */
const revisionOf = (object: DeepReadonly<Deployment | ReplicaSet>): bigint =>
  revisionFrom(object.metadata.annotations?.[revisionAnnotation]) ?? 0n;

function revisionFrom(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const revision = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, revision) === revision ? revision : undefined;
}

/** From the lowest to the highest. */
export function byRevision(a: DeepReadonly<ReplicaSet>, b: DeepReadonly<ReplicaSet>): number {
  const [left, right] = [revisionOf(a), revisionOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The one that follows on the highest of all. */
export function nextRevision(sets: readonly DeepReadonly<ReplicaSet>[]): bigint {
  return sets.map(revisionOf).reduce((highest, revision) => (revision > highest ? revision : highest), 0n) + 1n;
}

export function desiredReplicas(set: DeepReadonly<ReplicaSet>): number | undefined {
  const text = set.metadata.annotations?.[desiredAnnotation];
  return text === undefined ? undefined : Number(text);
}

export function maxReplicas(set: DeepReadonly<ReplicaSet>): number | undefined {
  const text = set.metadata.annotations?.[maxAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** Annotations of the set that is rolled out: the Deployment's own, and the revision, with the ones it had before. */
export function annotationsOfNewSet(
  deployment: DeepReadonly<Deployment>,
  set: DeepReadonly<ReplicaSet> | undefined,
  revision: bigint,
): Annotations {
  const own = set?.metadata.annotations ?? {};
  const copied = Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !notCopied.has(name)),
  );
  const kept = { ...own, ...copied };
  const before = own[revisionAnnotation];
  // Going back to an old set makes it the newest, and it remembers which it was.
  if (!before) return { ...kept, [revisionAnnotation]: String(revision) };
  if ((revisionFrom(before) ?? revision) >= revision) return { ...kept, [revisionAnnotation]: before };
  const history = own[historyAnnotation];
  return {
    ...kept,
    [revisionAnnotation]: String(revision),
    [historyAnnotation]: history ? `${history},${before}` : before,
  };
}

/** The annotations that proportional scaling reads. */
export const scaleAnnotations = (desired: number, max: number): Annotations => ({
  [desiredAnnotation]: String(desired),
  [maxAnnotation]: String(max),
});
