// How many writes hundreds of hollow nodes have under way together. Real nodes are as many machines, each with its own patience; these are one
// process, and what it asks for at once would stand before everybody else's requests.

/** Runs what it is given as soon as fewer than `most` are under way, in order. */
export function createTurns(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  return async (act) => {
    if (underWay >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay++;
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay--;
      else next();
    }
  };
}
