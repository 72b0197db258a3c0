import * as fc from "fast-check";
import type { Message } from "raft-ts";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "./codec.ts";
import { FrameParser, decodePairs, encodeFrame, encodePair } from "./frame.ts";

const number = fc.nat({ max: 2 ** 48 - 1 });
const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const data = fc.uint8Array().map((bytes) => Buffer.from(bytes));
const kind = fc.constantFrom("normal" as const, "membership" as const);
const entry = fc.record({ term: number, index: number, kind, data });
const membership = fc.record({
  voters: fc.array(id),
  outgoing: fc.array(id),
  learners: fc.array(id),
  learnersNext: fc.array(id),
  autoLeave: fc.boolean(),
});
const envelope = { from: id, to: id, term: number };
const context = fc.string();
const known = fc.record({ index: number, term: number });
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ ...envelope, type: fc.constant("propose" as const), entries: fc.array(fc.record({ kind, data })) }),
  fc.record({
    ...envelope,
    type: fc.constant("append" as const),
    prevIndex: number,
    prevTerm: number,
    commit: number,
    entries: fc.array(entry),
  }),
  fc.record({
    ...envelope,
    type: fc.constant("append" as const),
    prevIndex: number,
    prevTerm: number,
    commit: number,
    entries: fc.constant([]),
    unanswered: fc.constant(true as const),
  }),
  fc.record({
    ...envelope,
    type: fc.constant("append-response" as const),
    index: number,
    reject: fc.boolean(),
    hintIndex: number,
    hintTerm: number,
  }),
  fc.record({
    ...envelope,
    type: fc.constantFrom("vote" as const, "pre-vote" as const),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
    known,
  }),
  fc.record({
    ...envelope,
    type: fc.constantFrom("vote-response" as const, "pre-vote-response" as const),
    reject: fc.boolean(),
    known,
  }),
  fc.record({
    ...envelope,
    type: fc.constant("snapshot" as const),
    snapshot: fc.record({ index: number, term: number, membership, data: fc.constant(new Uint8Array(0)) }),
  }),
  fc.record({ ...envelope, type: fc.constant("heartbeat" as const), commit: number, context }),
  fc.record({ ...envelope, type: fc.constantFrom("heartbeat-response" as const, "read-index" as const), context }),
  fc.record({ ...envelope, type: fc.constant("timeout-now" as const) }),
  fc.record({ ...envelope, type: fc.constant("transfer-leader" as const), transferee: id }),
  fc.record({ ...envelope, type: fc.constant("read-index-response" as const), index: number, context }),
);

describe("the wire between members", () => {
  it("gives every message back as it was", () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
      }),
    );
  });

  it("finds the frames however the bytes arrive", () => {
    fc.assert(
      fc.property(
        fc.array(data, { minLength: 1 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (payloads, sizes) => {
          const bytes = Buffer.concat(payloads.map((payload) => encodeFrame("message", payload)));
          const parser = new FrameParser(1024);
          const found: Buffer[] = [];
          for (let offset = 0; offset < bytes.length;) {
            const size = sizes.next().value;
            found.push(...parser.push(bytes.subarray(offset, offset + size)).map((frame) => frame.payload));
            offset += size;
          }
          expect(found.map((payload) => Buffer.from(payload))).toEqual(payloads);
        },
      ),
    );
  });

  it("refuses a frame that is larger than any member sends", () => {
    expect(() => new FrameParser(10).push(encodeFrame("message", Buffer.alloc(11)))).toThrow(
      "expected a frame of at most 10 bytes, found 11",
    );
  });

  it("carries pairs of keys and values", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(data, data)), (pairs) => {
        const found = [...decodePairs(Buffer.concat(pairs.map(([key, value]) => encodePair(key, value))))];
        expect(found.map(([key, value]) => [Buffer.from(key), Buffer.from(value)])).toEqual(pairs);
      }),
    );
  });
});
