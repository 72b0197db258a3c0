// The same numbers from the same seed, on every machine (splitmix32). Not for keys.
import { suffixFrom } from "../src/random.ts";
import type { Random } from "../src/random.ts";

export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const next = (): number => word() / 2 ** 32;
  const int = (maxExclusive: number): number => Math.floor(next() * maxExclusive);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => word() & 0xff);
  return { next, int, bytes, uuid: () => uuidFrom(bytes(16)), suffix: (length) => suffixFrom(int, length) };
}

function uuidFrom(raw: Uint8Array): string {
  raw[6] = ((raw[6] ?? 0) & 0x0f) | 0x40;
  raw[8] = ((raw[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
