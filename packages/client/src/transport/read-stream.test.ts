import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { ReadStreamRules } from "./read-stream.ts";
import { readStream } from "./read-stream.ts";

const rules = (own: Partial<ReadStreamRules> = {}): ReadStreamRules => ({
  signal: undefined,
  isWhole: () => true,
  failure: (cause) => new Error(`broken: ${cause?.message ?? "cut off"}`),
  leave: () => undefined,
  ...own,
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("gives what comes before and after it is asked for, in order, and then ends", async () => {
  const stream = new PassThrough();
  stream.write("one ");
  const text = textOf(readStream(stream, rules()));
  setImmediate(() => {
    stream.write("two ");
    setImmediate(() => stream.end("three"));
  });
  expect(await text).toBe("one two three");
});

test("takes no more from the stream than a reader is behind", async () => {
  const piece = Buffer.alloc(64 * 1024);
  let taken = 0;
  const stream = new PassThrough({ highWaterMark: 1 });
  const body = readStream(stream, rules());
  const sent = (async () => {
    for (; taken < 64; taken += 1)
      if (!stream.write(piece)) await new Promise((resolve) => stream.once("drain", resolve));
    stream.end();
  })();
  await body.next();
  // Everything that may happen by itself has happened when the stream rests.
  while (!stream.isPaused()) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBeLessThan(10);
  let read = 1;
  for await (const chunk of body) read += chunk.length / piece.length;
  await sent;
  expect(read).toBe(64);
});

test("tells a failure after what had arrived, once", async () => {
  const stream = new PassThrough();
  const body = readStream(stream, rules());
  const first = body.next();
  stream.write("half");
  expect(Buffer.from((await first).value as Uint8Array).toString()).toBe("half");
  stream.destroy(new Error("reset"));
  await expect(body.next()).rejects.toThrow("broken: reset");
  expect(await body.next()).toEqual({ done: true, value: undefined });
});

test("takes an end that was not meant for a failure, and the close of a stream that never ended, too", async () => {
  const ended = new PassThrough();
  ended.end("all?");
  await expect(textOf(readStream(ended, rules({ isWhole: () => false })))).rejects.toThrow("broken: cut off");
  const closed = new PassThrough();
  closed.destroy();
  await new Promise((resolve) => closed.once("close", resolve));
  await expect(textOf(readStream(closed, rules()))).rejects.toThrow("broken: cut off");
});

test("rejects with the reason of an abort, and gives nothing that came before it any more", async () => {
  const aborter = new AbortController();
  const stream = new PassThrough();
  const body = readStream(stream, rules({ signal: aborter.signal }));
  const first = body.next();
  stream.write("one");
  await first;
  stream.write("two");
  aborter.abort(new Error("no longer wanted"));
  await expect(body.next()).rejects.toThrow("no longer wanted");
});

test("lets go of the stream when the reader leaves", async () => {
  let left = 0;
  const stream = new PassThrough();
  stream.write("one");
  for await (const _piece of readStream(stream, rules({ leave: () => void (left += 1) }))) break;
  expect(left).toBe(1);
  stream.destroy(new Error("nobody hears of this"));
  await new Promise((resolve) => stream.once("close", resolve));
});
