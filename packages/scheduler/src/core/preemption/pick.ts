// Which of the nodes where room can be made: the one whose victims matter least. Kubernetes' order of questions; each is asked
// only among those that the questions before left equal.
import { startTime } from "./victims.ts";
import type { Candidate } from "./victims.ts";

/** Priorities are shifted above zero, so that more victims never weigh less than fewer. */
const aboveZero = 2 ** 31;

const questions: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
  ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + aboveZero, 0),
  ({ victims }) => victims.length,
];

export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let left = candidates;
  for (const question of questions) {
    if (left.length < 2) return left[0];
    const answers = left.map(question);
    const least = answers.reduce((a, b) => Math.min(a, b));
    left = left.filter((_candidate, index) => answers[index] === least);
  }
  return latestStarted(left);
}

/** The one whose most important victims have run for the shortest time. */
function latestStarted(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  let latest = "";
  for (const candidate of candidates) {
    const [first] = candidate.victims;
    const earliest = candidate.victims
      .filter(({ priority }) => priority === first?.priority)
      .map(startTime)
      .reduce((a, b) => (a < b ? a : b), "~");
    if (best === undefined || earliest > latest) [best, latest] = [candidate, earliest];
  }
  return best;
}
