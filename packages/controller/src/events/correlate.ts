// Keeps events few, as client-go's correlator: the same again becomes a count; more than ten different messages of one reason
// about one object within ten minutes become one combined event; and one object gets 25 at once, then one in five minutes.
// Pure but for its own memory, which is bounded.

export interface Occurrence {
  /** Identifies the object. */
  readonly object: string;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type Verdict =
  | { readonly kind: "create"; readonly key: string; readonly message: string }
  | {
      readonly kind: "repeat";
      readonly key: string;
      readonly message: string;
      readonly name: string;
      readonly count: number;
    }
  | { readonly kind: "drop" };

export interface Correlator {
  judge(occurrence: Occurrence, nowMs: number): Verdict;
  /** After the first event of a key was written: later ones count it up. */
  written(key: string, name: string, count: number): void;
  forget(key: string): void;
}

const mostDifferentMessages = 10;
const windowMs = 600_000;
const burst = 25;
const refillMs = 300_000;
const remembered = 4_096;

export function createCorrelator(): Correlator {
  const written = new Map<string, { readonly name: string; readonly count: number }>();
  const similar = new Map<string, { messages: Set<string>; lastAt: number }>();
  const buckets = new Map<string, { tokens: number; at: number }>();

  const spend = (object: string, nowMs: number): boolean => {
    const bucket = buckets.get(object) ?? { tokens: burst, at: nowMs };
    const tokens = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.at) / refillMs);
    touch(buckets, object, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: nowMs });
    return tokens >= 1;
  };

  return {
    judge(occurrence, nowMs) {
      const group = `${occurrence.object} ${occurrence.type} ${occurrence.reason}`;
      const before = similar.get(group);
      const recent = before !== undefined && nowMs - before.lastAt < windowMs ? before.messages : new Set<string>();
      if (recent.size <= mostDifferentMessages) recent.add(occurrence.message);
      touch(similar, group, { messages: recent, lastAt: nowMs });
      const combined = recent.size > mostDifferentMessages;
      const message = combined ? `(combined from similar events): ${occurrence.message}` : occurrence.message;
      const key = combined ? group : `${group} ${occurrence.message}`;
      if (!spend(occurrence.object, nowMs)) return { kind: "drop" };
      const known = written.get(key);
      if (known === undefined) return { kind: "create", key, message };
      return { kind: "repeat", key, message, name: known.name, count: known.count + 1 };
    },
    written: (key, name, count) => touch(written, key, { name, count }),
    forget: (key) => void written.delete(key),
  };
}

/** Sets and makes it the youngest; the oldest goes when there are too many. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > remembered) map.delete(map.keys().next().value ?? "");
}
