// What every backend must keep to, as a function that any test can call on its own. Throws with what it found.
import { deepStrictEqual } from "node:assert";
import type { Backend } from "../src/backend.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString("latin1");

/** `open` gives an empty backend each time. */
export async function checkBackend(open: () => Promise<Backend>): Promise<void> {
  const backend = await open();
  deepStrictEqual(text(backend.get("key", bytes("a"))), undefined, "an absent key reads as undefined");

  backend.put("key", bytes("b"), bytes("2"));
  backend.put("key", bytes("\xff"), bytes("4"));
  backend.put("key", bytes("a"), bytes("1"));
  backend.put("key", bytes("a\0"), bytes("3"));
  backend.put("meta", bytes("a"), bytes("other table"));
  deepStrictEqual(text(backend.get("key", bytes("a"))), "1", "a write is visible to get at once");
  deepStrictEqual(
    await scan(backend, "", 10),
    ["a=1", "a\0=3", "b=2", "\xff=4"],
    "scan sees writes at once, in the order of bytes",
  );
  deepStrictEqual(await scan(backend, "a\0", 2), ["a\0=3", "b=2"], "scan starts at its key and stops at its limit");

  backend.put("key", bytes("a"), bytes("1b"));
  backend.delete("key", bytes("b"));
  backend.delete("key", bytes("never there"));
  deepStrictEqual(text(backend.get("key", bytes("b"))), undefined, "a deletion is visible to get at once");
  deepStrictEqual(await scan(backend, "", 10), ["a=1b", "a\0=3", "\xff=4"], "scan sees overwrites and deletions");
  deepStrictEqual(text(backend.get("meta", bytes("a"))), "other table", "tables do not mix");

  backend.put("key", bytes("empty"), bytes(""));
  deepStrictEqual(text(backend.get("key", bytes("empty"))), "", "an empty value is a value");
}

async function scan(backend: Backend, from: string, limit: number): Promise<string[]> {
  return (await backend.scan("key", bytes(from), limit)).map(({ key, value }) => `${text(key)}=${text(value)}`);
}
