// How much the backend may hold. Writes that add are refused before they would pass the quota; deletes and compaction never are.
export interface QuotaView {
  readonly sizeBytes: number;
  /** 0: etcd's default of 2 GiB; below 0: no limit. */
  readonly quotaBytes: number;
}

export const defaultQuotaBytes: number = 2 * 1024 * 1024 * 1024;
const warnAt = 0.7;

/** "clear": enough has been given back that an alarm may end. */
export function judgeQuota(view: QuotaView, addedBytes: number): "clear" | "warn" | "exceeded" {
  if (view.quotaBytes < 0) return "clear";
  const quota = view.quotaBytes === 0 ? defaultQuotaBytes : view.quotaBytes;
  if (view.sizeBytes + addedBytes >= quota) return "exceeded";
  return view.sizeBytes + addedBytes >= quota * warnAt ? "warn" : "clear";
}
