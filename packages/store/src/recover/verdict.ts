// Which of the surviving logs to go on from, what may be lost, and why somebody should perhaps not do it at all. Pure.
//
// Of two logs the one with the later last term is the newer, of equal terms the longer: Raft's own rule for votes. It holds everything
// that the other holds and that was ever acknowledged to a client through a majority which includes its member.
import type { Survivor } from "./survivor.ts";

export interface Verdict {
  readonly source: Survivor;
  /** One sentence each. */
  readonly findings: readonly string[];
  /** Why this must not be done without `--force`; empty: it may be. */
  readonly objections: readonly string[];
}

export interface Unreadable {
  readonly directory: string;
  readonly reason: string;
}

export function isNewer(a: Survivor, b: Survivor): boolean {
  return a.last.term !== b.last.term ? a.last.term > b.last.term : a.last.index > b.last.index;
}

/** `wanted`: the directory to go on from, when it is not to be the newest. */
export function judge(
  survivors: readonly Survivor[],
  unreadable: readonly Unreadable[],
  wanted: string | undefined,
): Verdict | { readonly refused: string } {
  const [first] = survivors;
  if (!first) return { refused: "none of the directories can be read: nothing can be recovered from them" };
  const foreign = survivors.find(({ identity }) => identity.clusterId !== first.identity.clusterId);
  if (foreign)
    return {
      refused: `${foreign.directory} belongs to cluster ${hex(foreign.identity.clusterId)}, ${first.directory} to ${hex(first.identity.clusterId)}: give the directories of one cluster`,
    };
  const twice = survivors.find((each, position) =>
    survivors.slice(0, position).some(({ identity }) => identity.memberId === each.identity.memberId),
  );
  if (twice)
    return { refused: `${twice.directory} is of the same member as another: give each member's directory once` };
  const newest = survivors.reduce((best, each) => (isNewer(each, best) ? each : best));
  const source = wanted === undefined ? newest : survivors.find(({ directory }) => directory === wanted);
  if (!source) return { refused: `${wanted} is not among the directories that can be read` };
  return {
    source,
    findings: findingsOf(source, survivors),
    objections: objectionsTo(source, newest, survivors, unreadable),
  };
}

function findingsOf(source: Survivor, survivors: readonly Survivor[]): string[] {
  const { directory, last } = source;
  const committed = Math.max(...survivors.map(({ commit }) => commit));
  const findings = [
    `the log of ${directory} is the one to go on from: it ends at entry ${last.index} of term ${last.term}`,
  ];
  if (last.index > committed)
    findings.push(
      `entries ${committed + 1} to ${last.index} are not known to be committed: they are kept, though a client may have been told that they failed`,
    );
  findings.push(
    `what may be lost: writes after entry ${last.index} that only the missing members ${missingOf(survivors).map(hex).join(", ") || "(none)"} have acknowledged`,
  );
  if (source.tornAt)
    findings.push(
      `an unfinished batch at ${source.tornAt.file}, offset ${source.tornAt.offset}, is dropped: it was promised to nobody`,
    );
  return findings;
}

function objectionsTo(
  source: Survivor,
  newest: Survivor,
  survivors: readonly Survivor[],
  unreadable: readonly Unreadable[],
): string[] {
  const objections: string[] = [];
  const { voters } = newest;
  const present = survivors.filter(({ identity }) => voters.includes(identity.memberId));
  if (voters.length > 0 && present.length >= Math.floor(voters.length / 2) + 1)
    objections.push(
      `${present.length} of ${voters.length} voting members are here, a majority: start them, and nothing is lost`,
    );
  if (source !== newest)
    objections.push(
      `${newest.directory} is newer (it ends at entry ${newest.last.index} of term ${newest.last.term}): going on from ${source.directory} loses what only the newer one has`,
    );
  for (const { directory, reason } of unreadable)
    objections.push(`${directory} cannot be read and may be newer: ${reason}`);
  if (source.removed.has(source.identity.memberId))
    objections.push(
      `${source.directory} is of a member that was removed from the cluster: the others went on without it`,
    );
  return objections;
}

/** Voters that no directory was given of. */
function missingOf(survivors: readonly Survivor[]): bigint[] {
  const known = new Set(survivors.map(({ identity }) => identity.memberId));
  const voters = new Set(survivors.flatMap((each) => each.voters));
  return [...voters].filter((id) => !known.has(id));
}

function hex(id: bigint): string {
  return id.toString(16);
}
