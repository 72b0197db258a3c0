// Answers that stay true for a while: asked once, shared by those who ask meanwhile, forgotten when old or too many. A
// failure is not kept.
import type { Clock } from "@coxswain/clock";

export interface Recent<V> {
  get(key: string, ask: () => Promise<{ readonly value: V; readonly ttlMs: number }>): Promise<V>;
}

export function createRecent<V>(most: number, clock: Pick<Clock, "monotonic">): Recent<V> {
  const kept = new Map<string, { readonly value: V; readonly untilMs: number }>();
  const asking = new Map<string, Promise<V>>();
  return {
    async get(key, ask) {
      const present = kept.get(key);
      if (present && clock.monotonic() < present.untilMs) return present.value;
      const underWay = asking.get(key);
      if (underWay) return underWay;
      const answer = ask()
        .then(({ value, ttlMs }) => {
          kept.delete(key);
          const [oldest] = kept.keys();
          if (kept.size >= most && oldest !== undefined) kept.delete(oldest);
          kept.set(key, { value, untilMs: clock.monotonic() + ttlMs });
          return value;
        })
        .finally(() => asking.delete(key));
      asking.set(key, answer);
      return answer;
    },
  };
}
