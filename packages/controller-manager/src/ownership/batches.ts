// Many writes at a time, but carefully: one, then two, four, eight … as they succeed, and no more after the first that fails, so that a
// quota or a broken template costs one refused request and not five hundred (after Kubernetes' slowStartBatch, without the wait for the
// slowest of each batch). Never more than keep a server busy: another owner's one pod should not wait behind hundreds of these.

export interface BatchResult {
  readonly done: number;
  readonly error?: unknown;
}

const mostAtOnce = 16;

/** So many owners are looked after at a time: some that make hundreds of pods must not hold up one that has lost its only one. */
export const podMakers = 20;

export function inGrowingBatches<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<BatchResult> {
  const { promise, resolve } = Promise.withResolvers<BatchResult>();
  let next = 0;
  let done = 0;
  let underWay = 0;
  let failure: { readonly error: unknown } | undefined;

  const go = (): void => {
    // Each success makes room for itself and for one more.
    while (failure === undefined && next < items.length && underWay < Math.min(done + 1, mostAtOnce)) {
      const item = items[next++] as T;
      underWay++;
      void act(item)
        .then(
          () => void done++,
          (error: unknown) => (failure ??= { error }),
        )
        .finally(() => {
          underWay--;
          go();
        });
    }
    if (underWay === 0) resolve(failure === undefined ? { done } : { done, error: failure.error });
  };
  go();
  return promise;
}

/** All at once, to the end; then the first failure is thrown. */
export async function allOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const failure = (await Promise.allSettled(items.map(act))).find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}
