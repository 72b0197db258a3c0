// Which members hold something else than the others.

export interface MemberHash {
  readonly id: bigint;
  readonly hash: number;
  /** That was hashed. */
  readonly revision: number;
  readonly compactRevision: number;
}

/** Those outside the largest group that agrees; where two groups are equally large, the one with `own` is believed. */
export function differingMembers(hashes: readonly MemberHash[], own: bigint): readonly bigint[] {
  const compacted = hashes.find(({ id }) => id === own)?.compactRevision;
  const groups = new Map<number, bigint[]>();
  for (const { id, hash, compactRevision } of hashes) {
    // Compacted to another point: their hashes say nothing about each other.
    if (compactRevision === compacted) groups.set(hash, [...(groups.get(hash) ?? []), id]);
  }
  const sorted = [...groups.values()].sort(
    (a, b) => b.length - a.length || Number(b.includes(own)) - Number(a.includes(own)),
  );
  return sorted.slice(1).flat();
}
