// Which of the nodes where room can be made: the one whose victims matter least. Kubernetes' order of questions; each is asked
// only among those that the questions before left equal. The last: whose most important victims have run for the shortest time.
import type { Candidate } from "./victims.ts";

const questions: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ worth }) => worth.highest,
  ({ worth }) => worth.sum,
  ({ victims }) => victims.length,
];

export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) if (best === undefined || matterLess(candidate, best)) best = candidate;
  return best;
}

function matterLess(a: Candidate, b: Candidate): boolean {
  for (const question of questions) {
    const [left, right] = [question(a), question(b)];
    if (left !== right) return left < right;
  }
  return a.worth.earliest > b.worth.earliest;
}
