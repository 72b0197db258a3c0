import { describe, expect, it } from "vitest";
import { WireWriter } from "./writer.ts";

const text = (letter: string, length: number): string => letter.repeat(length);

/** Field 1 with this text, behind `reserved` bytes. */
function written(value: string, reserved = 0): Buffer {
  const writer = new WireWriter(reserved);
  writer.bytesField(0x0a, value);
  return writer.finish();
}

describe("WireWriter", () => {
  it("leaves what it has finished to its owner, whatever is written afterwards", () => {
    const sizes = [0, 3, 300, 9000, 70_000, 200_000];
    const first = sizes.map((size) => written(text("a", size)));
    const copies = first.map((bytes) => Buffer.from(bytes));
    for (const size of sizes) written(text("b", size));
    expect(first.map((bytes, at) => bytes.equals(copies[at] as Buffer))).toEqual(sizes.map(() => true));
    expect(first.map((bytes) => bytes.subarray(-3).toString())).toEqual(["", "aaa", "aaa", "aaa", "aaa", "aaa"]);
  });

  it("does not disturb one that is written at the same time", () => {
    const outer = new WireWriter();
    outer.bytesField(0x0a, text("o", 5000));
    const inner = Array.from({ length: 6 }, (_unused, at) => {
      const writer = new WireWriter();
      writer.bytesField(0x0a, text(String(at), 5000));
      return writer;
    });
    outer.bytesField(0x12, text("o", 5000));
    const found = inner.map((writer) => writer.finish());
    expect(found.map((bytes, at) => bytes.equals(written(text(String(at), 5000))))).toEqual(found.map(() => true));
    const whole = outer.finish().toString("latin1");
    expect(whole).toBe(`\n\x88\x27${text("o", 5000)}\x12\x88\x27${text("o", 5000)}`);
  });

  it("keeps room in front, also more than it begins with", () => {
    for (const reserved of [5, 20_000]) {
      const bytes = written("abc", reserved);
      expect([bytes.length, bytes.subarray(reserved).toString("latin1")]).toEqual([reserved + 5, "\n\u0003abc"]);
    }
  });
});
