// "Is this still the newest state of the key?", asked of the store for all who want to know in the same turn of the loop: one
// transaction of ranges that leave out what is not newer than what is known. So a read of a cached object costs the store an index
// lookup and the wire a few bytes, and is as fresh as one of the whole value. It knows no cache and keeps nothing.
import type { Init, RangeRequest, RangeResponse } from "@coxswain/etcd-api";
import type { Recheck, StoredValue } from "../../core/storage.ts";

/** etcd's limit of operations in a transaction is 128. */
const mostTogether = 100;

interface Question {
  readonly request: Init<RangeRequest>;
  readonly resolve: (answer: Recheck) => void;
  readonly reject: (error: unknown) => void;
}

export function createRecheck(
  ask: (requests: readonly Init<RangeRequest>[]) => Promise<readonly RangeResponse[]>,
  read: (kv: RangeResponse["kvs"][number]) => StoredValue,
): (key: string, knownRevision: number) => Promise<Recheck> {
  let waiting: Question[] = [];

  const askAll = (): void => {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += mostTogether) void settle(all.slice(from, from + mostTogether));
  };
  const settle = async (questions: readonly Question[]): Promise<void> => {
    try {
      const answers = await ask(questions.map(({ request }) => request));
      for (const [index, { resolve }] of questions.entries()) {
        const answer = answers[index];
        if (!answer) throw new Error(`asked ${questions.length} questions, found ${answers.length} answers`);
        const [newer] = answer.kvs;
        resolve(
          newer
            ? { kind: "changed", current: read(newer) }
            : answer.count > 0
              ? { kind: "unchanged" }
              : { kind: "gone" },
        );
      }
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  };

  return (key, knownRevision) =>
    new Promise((resolve, reject) => {
      // After all that has arrived by now has been looked at: each asks after it came, so what it hears is fresh.
      if (waiting.length === 0) setImmediate(askAll);
      // What is pruned by its revision is counted all the same: that is how a key that is gone is told from one that is not newer.
      waiting.push({ request: { key: Buffer.from(key), minModRevision: knownRevision + 1 }, resolve, reject });
    });
}
