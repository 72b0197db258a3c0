// etcd's automatic compaction: keep the last N revisions, or what is younger than a time. Pure: sees samples, answers with a revision.

export interface RevisionSample {
  readonly atMs: number;
  readonly revision: number;
}

export type AutoCompaction =
  { readonly mode: "periodic"; readonly retentionMs: number } | { readonly mode: "revision"; readonly retain: number };

/** How often to look. etcd: every tenth of a period, at most hourly; every five minutes by revision. */
export function sampleIntervalMs(policy: AutoCompaction): number {
  return policy.mode === "revision" ? 5 * 60_000 : Math.max(1000, Math.min(policy.retentionMs, 3_600_000) / 10);
}

/** The revision to compact at, if any, and the samples still of use. */
export function planAutoCompaction(
  policy: AutoCompaction,
  samples: readonly RevisionSample[],
  nowMs: number,
): { readonly compactAt: number | undefined; readonly samples: readonly RevisionSample[] } {
  const newest = samples.at(-1);
  if (!newest) return { compactAt: undefined, samples };
  if (policy.mode === "revision") {
    const at = newest.revision - policy.retain;
    return { compactAt: at > 0 ? at : undefined, samples: [newest] };
  }
  const old = samples.findLastIndex((sample) => sample.atMs <= nowMs - policy.retentionMs);
  const due = samples[old];
  return {
    compactAt: due && due.revision > 0 ? due.revision : undefined,
    samples: old < 0 ? samples : samples.slice(old + 1),
  };
}
