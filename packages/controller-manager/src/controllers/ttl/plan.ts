// For how long node agents may use what they have read of secrets and config maps, by the number of nodes: the more there are, the more
// they would ask. Steps and their overlaps as in Kubernetes, so that a number on the edge does not rewrite every node again and again.
export const ttlAnnotation = "node.alpha.kubernetes.io/ttl";

const steps = [
  { from: 0, to: 100, seconds: 0 },
  { from: 90, to: 500, seconds: 15 },
  { from: 450, to: 1000, seconds: 30 },
  { from: 900, to: 2000, seconds: 60 },
  { from: 1800, to: Number.POSITIVE_INFINITY, seconds: 300 },
] as const;

/** The step for so many nodes, coming from the one before. */
export function nextStep(before: number, nodes: number): number {
  let step = Math.min(Math.max(before, 0), steps.length - 1);
  while (nodes > (steps[step]?.to ?? Number.POSITIVE_INFINITY)) step++;
  while (nodes < (steps[step]?.from ?? 0)) step--;
  return step;
}

export const secondsOf = (step: number): number => steps[step]?.seconds ?? 0;
