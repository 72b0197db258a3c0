// How many writes may be under way at once. Who comes when all are taken waits in line.

export interface Limit {
  readonly isFull: boolean;
  /** Resolves when a place is free, without taking it. */
  whenFree(): Promise<void>;
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createLimit(most: number): Limit {
  let taken = 0;
  const line: (() => void)[] = [];
  const onlookers: (() => void)[] = [];
  const free = (): void => {
    const next = line.shift();
    if (next !== undefined) return next();
    taken--;
    for (const tell of onlookers.splice(0)) tell();
  };
  return {
    get isFull() {
      return taken >= most;
    },
    whenFree: () => (taken < most ? Promise.resolve() : new Promise((resolve) => onlookers.push(resolve))),
    async run(work) {
      if (taken < most) taken++;
      else await new Promise<void>((resolve) => line.push(resolve));
      try {
        return await work();
      } finally {
        free();
      }
    },
  };
}
