// Who may go at once: sandboxes are added and taken away side by side, but while a network is cleared of what is nobody's (GC), nobody is. CNI 1.1 asks
// runtimes for that.

export interface CniOrder {
  /** Side by side with its like. */
  among<T>(work: () => Promise<T>): Promise<T>;
  /** When all who are inside have ended; those who come meanwhile wait. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createCniOrder(): CniOrder {
  const inside = new Set<Promise<unknown>>();
  let last: Promise<unknown> | undefined;
  return {
    async among(work) {
      while (last) await last;
      const mine = work();
      inside.add(mine);
      return await mine.finally(() => inside.delete(mine));
    },
    alone(work) {
      const before = last;
      const mine = (async () => {
        await before;
        await Promise.allSettled(inside);
        return await work();
      })();
      const turn = Promise.allSettled([mine]).then(() => {
        if (last === turn) last = undefined;
      });
      last = turn;
      return mine;
    },
  };
}
