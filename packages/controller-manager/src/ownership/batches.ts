// Many writes at a time, but carefully: one, then two, four, eight … and no more after the first that fails, so that a quota
// or a broken template costs one refused request and not five hundred (Kubernetes' slowStartBatch). Never more than a server works
// on in a moment: another owner's one pod should not wait behind hundreds of these.

export interface BatchResult {
  readonly done: number;
  readonly error?: unknown;
}

const largestBatch = 64;

export async function inGrowingBatches<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<BatchResult> {
  let done = 0;
  for (let size = 1; done < items.length; size = Math.min(size * 2, largestBatch)) {
    const batch = items.slice(done, done + size);
    const results = await Promise.allSettled(batch.map(act));
    const failure = results.find((result) => result.status === "rejected");
    done += results.filter((result) => result.status === "fulfilled").length;
    if (failure) return { done, error: failure.reason };
  }
  return { done };
}

/** All at once, to the end; then the first failure is thrown. */
export async function allOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const failure = (await Promise.allSettled(items.map(act))).find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}
