import fc from "fast-check";
import { expect, it } from "vitest";
import { linesOf } from "./lines-of.ts";

async function* inPieces(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let rest = Buffer.from(text);
  for (const size of sizes) {
    yield rest.subarray(0, size);
    rest = rest.subarray(size);
  }
  yield rest;
}

it("cuts at line ends only, wherever the pieces are cut, and loses nothing", async () => {
  const texts = fc.array(fc.constantFrom("a", "\n", "ä", "long words ", "\r\n"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(8), { maxLength: 10 }), async (parts, sizes) => {
      const text = parts.join("");
      const batches: (readonly Buffer[])[] = [];
      for await (const batch of linesOf(inPieces(text, sizes))) batches.push(batch);
      const lines = batches.flat().map((line) => line.toString("utf8"));
      expect(lines).toEqual(text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
      expect(batches.every((batch) => batch.length > 0)).toBe(true);
    }),
  );
});
