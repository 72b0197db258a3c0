// The few words in which the cases speak about answers.
import { deepStrictEqual, fail } from "node:assert";
import { GrpcError } from "../src/index.ts";
import type { KeyValue } from "../src/index.ts";

/** "key=value" of each, in order. */
export function pairs(kvs: readonly KeyValue[], prefix: string): string[] {
  return kvs.map(({ key, value }) => `${key.toString().slice(prefix.length)}=${value.toString()}`);
}

/** The end of the range of all keys with a prefix. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

/** Expects a call to end with this code and exactly this text. */
export async function refused(call: Promise<unknown>, code: number, text: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    deepStrictEqual([error.code, error.details], [code, text]);
    return;
  }
  fail(`answered OK, expected ${code} ${text}`);
}
