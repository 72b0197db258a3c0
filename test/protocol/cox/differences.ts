// Where cox answers otherwise than kubectl on purpose, and why. A line that stands here and does not differ makes the test fail.
export interface Difference {
  readonly line: string;
  readonly reason: string;
  /** The exit codes differ, too. */
  readonly exitCodes?: boolean;
}

const guess = "cox says what was probably meant";

export const differences: readonly Difference[] = [
  { line: "get pods.nope", reason: `${guess}, and names the type as it was typed` },
  {
    line: "get pods -n demo --sort-by=.nope",
    reason: "a key that no row has is a mistake; kubectl prints nothing and ends with 0",
    exitCodes: true,
  },
  {
    line: "scale cm/lit --replicas=1",
    reason: "cox says that config maps have no replicas; kubectl that something is not found",
  },
  {
    line: "set env deploy/web A=1 B- -n demo --dry-run=client -o yaml",
    reason:
      "kubectl prints its own types' empty creationTimestamp in the template; cox the object as the server has it",
  },
  {
    line: "autoscale deploy/web --max=5 -n demo --dry-run=client -o yaml",
    reason: "cox writes the namespace of -n into the object, as kubectl does in create",
  },
  { line: "apply -f - --prune -l p=1 #14", reason: "kubectl's own log line about a later release of itself" },
  { line: "apply -f - --prune -l p=1 #15", reason: "kubectl's own log line about a later release of itself" },
];
