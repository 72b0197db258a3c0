// Transactions against the naive model: every comparison on the state before, the chosen branch's operations one after the other.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryBackend } from "../testing/memory-backend.ts";
import { NaiveModel } from "../testing/naive-model.ts";
import type { ModelValue } from "../testing/naive-model.ts";
import { openMvcc } from "./mvcc.ts";
import type { AnswerOp, Compare, RequestOp, TxnAnswer, TxnRequest } from "./requests.ts";

const key = fc.constantFrom("a", "b", "c", "d");
const value = fc.constantFrom("", "x", "y");
const small = fc.integer({ min: 0, max: 6 });
const comparison = fc.record({
  key,
  rangeEnd: fc.constantFrom("", "", "c", "\0"),
  target: fc.constantFrom("VERSION", "CREATE", "MOD", "VALUE"),
  result: fc.constantFrom("EQUAL", "GREATER", "LESS", "NOT_EQUAL"),
  number: small,
  value,
});
const operation = fc.oneof(
  fc.record({ put: key, value, prevKv: fc.boolean() }),
  fc.record({ remove: key }),
  fc.record({ read: key, end: fc.constantFrom("", "c", "\0") }),
);
type Comparison = typeof comparison extends fc.Arbitrary<infer C> ? C : never;
type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never;
interface Txn {
  readonly compare: readonly Comparison[];
  readonly success: readonly (Operation | Txn)[];
  readonly failure: readonly (Operation | Txn)[];
}
/** What a branch writes it writes once: the server refuses anything else. */
const operations = fc.uniqueArray(operation, {
  maxLength: 3,
  selector: (each) => ("put" in each ? each.put : "remove" in each ? each.remove : Symbol("read")),
});
const flat: fc.Arbitrary<Txn> = fc.record({
  compare: fc.array(comparison, { maxLength: 2 }),
  success: operations,
  failure: operations,
});
const readsOnly = operations.map((each) => each.filter((one) => "read" in one));
const txn: fc.Arbitrary<Txn> = fc
  .tuple(
    flat,
    fc.option(fc.record({ compare: flat.map((each) => each.compare), success: readsOnly, failure: readsOnly })),
  )
  .map(([outer, nested]) => (nested ? { ...outer, success: [...outer.success, nested] } : outer));

test("a transaction decides and answers as the naive model does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(txn, { maxLength: 12 }), async (txns) => {
      const model = new NaiveModel();
      const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
      for (const each of txns) {
        const answer = mvcc.txn(request(each));
        if ("refused" in answer) throw new Error(answer.refused);
        const before = new Map(model.states.at(-1));
        const changes: [string, string?][] = [];
        const expected = run(each, before, new Map(before), changes);
        model.write(changes);
        expect(plain(answer)).toEqual(expected);
        expect(mvcc.revision).toBe(model.revision);
      }
    }),
    { numRuns: 500 },
  );
});

/** Choices look at `before`, operations at `now`, which they change. */
function run(
  txn: Txn,
  before: ReadonlyMap<string, ModelValue>,
  now: Map<string, ModelValue>,
  changes: [string, string?][],
): object {
  const succeeded = txn.compare.every((each) => holds(each, before));
  const answers = (succeeded ? txn.success : txn.failure).map((each) => {
    if ("compare" in each) return run(each, before, now, changes);
    if ("read" in each) return keysIn(now, each.read, each.end).map((name) => `${name}=${now.get(name)?.value}`);
    const name = "put" in each ? each.put : each.remove;
    const old = now.get(name);
    if ("remove" in each) {
      if (old) changes.push([name]);
      now.delete(name);
      return old ? 1 : 0;
    }
    changes.push([name, each.value]);
    now.set(name, { key: name, value: each.value, createRevision: 0, modRevision: 0, version: 0 });
    return each.prevKv ? (old?.value ?? "none") : "none";
  });
  return { succeeded, answers };
}

function holds(compare: Comparison, state: ReadonlyMap<string, ModelValue>): boolean {
  const keys = compare.rangeEnd === "" ? [compare.key] : keysIn(state, compare.key, compare.rangeEnd);
  // A range that is empty is compared as an absent key.
  return (keys.length === 0 ? [""] : keys).every((name) => {
    const kv = state.get(name);
    const given = compare.target === "VALUE" ? compare.value : compare.number;
    const own =
      compare.target === "VALUE"
        ? kv?.value
        : ((compare.target === "VERSION"
            ? kv?.version
            : compare.target === "CREATE"
              ? kv?.createRevision
              : kv?.modRevision) ?? 0);
    if (own === undefined) return false;
    if (compare.result === "EQUAL") return own === given;
    if (compare.result === "NOT_EQUAL") return own !== given;
    return compare.result === "GREATER" ? own > given : own < given;
  });
}

function keysIn(state: ReadonlyMap<string, ModelValue>, from: string, end: string): string[] {
  const last = end === "" ? `${from}\0` : end === "\0" ? "\uffff" : end;
  return [...state.keys()].filter((name) => name >= from && name < last).toSorted();
}

function request(txn: Txn): TxnRequest {
  const op = (each: Operation | Txn): RequestOp => {
    if ("compare" in each) return { requestTxn: request(each) };
    if ("read" in each) return { requestRange: { key: Buffer.from(each.read), rangeEnd: Buffer.from(each.end) } };
    if ("remove" in each) return { requestDeleteRange: { key: Buffer.from(each.remove) } };
    return { requestPut: { key: Buffer.from(each.put), value: Buffer.from(each.value), prevKv: each.prevKv } };
  };
  return {
    compare: txn.compare.map(({ key: name, rangeEnd, target, result, number, value: text }): Compare => ({
      key: Buffer.from(name),
      rangeEnd: Buffer.from(rangeEnd),
      target,
      result,
      version: number,
      createRevision: number,
      modRevision: number,
      value: Buffer.from(text),
    })),
    success: txn.success.map(op),
    failure: txn.failure.map(op),
  };
}

function plain(answer: TxnAnswer): object {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const one = (each: AnswerOp): unknown => {
    if (each.txn) return plain(each.txn);
    if (each.range) return each.range.kvs.map((kv) => `${text(kv.key)}=${text(kv.value)}`);
    if (each.deleteRange) return each.deleteRange.deleted;
    return each.put?.prevKv === undefined ? "none" : text(each.put.prevKv.value);
  };
  return { succeeded: answer.succeeded, answers: answer.answers.map(one) };
}
