import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogChunk } from "../runtime.ts";
import { readFrames } from "./frames.ts";

function frame(stream: LogChunk["stream"], text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream === "stderr" ? 2 : 1;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function* cutAt(bytes: Buffer, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function collect(source: AsyncIterable<LogChunk>): Promise<Record<LogChunk["stream"], string>> {
  const text = { stdout: "", stderr: "" };
  for await (const { stream, bytes } of source) text[stream] += Buffer.from(bytes).toString();
  return text;
}

test("a line that the engine has cut has one time, however the connection cuts it", async () => {
  const parts = [
    frame("stdout", "2026-01-01T00:00:00Z begin"),
    frame("stderr", "2026-01-01T00:00:01Z whole\n"),
    frame("stdout", "2026-01-01T00:00:02Z middle"),
    frame("stdout", "2026-01-01T00:00:03Z end\n"),
    frame("stdout", "2026-01-01T00:00:04Z next\n"),
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 40 })), async (sizes) => {
      expect(await collect(readFrames(cutAt(Buffer.concat(parts), sizes), true))).toEqual({
        stdout: "2026-01-01T00:00:00Z beginmiddleend\n2026-01-01T00:00:04Z next\n",
        stderr: "2026-01-01T00:00:01Z whole\n",
      });
    }),
  );
});

test("readFrames gives each stream's bytes however the connection cuts them", async () => {
  const frames = fc.array(
    fc.record({
      stream: fc.constantFrom<LogChunk["stream"][]>("stdout", "stderr"),
      text: fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
    }),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.integer({ min: 0, max: 20 })), async (parts, sizes) => {
      const expected = { stdout: "", stderr: "" };
      for (const { stream, text } of parts) expected[stream] += text;
      const bytes = Buffer.concat(parts.map(({ stream, text }) => frame(stream, text)));
      expect(await collect(readFrames(cutAt(bytes, sizes)))).toEqual(expected);
    }),
  );
});
