// Randomness as a value that is passed, so that a run can be repeated from a seed. Not a source of key material:
// keys are made by `pki` with the platform's own generator.
import { randomBytes, randomInt, randomUUID } from "node:crypto";

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, maxExclusive). */
  int(maxExclusive: number): number;
  /** `length` bytes. */
  bytes(length: number): Uint8Array;
  /** An RFC 9562 version 4 UUID, as used for `metadata.uid`. */
  uuid(): string;
  /** A suffix for generated names, from Kubernetes' alphabet without vowels and look-alikes. */
  suffix(length: number): string;
}

const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

export const systemRandom: Random = {
  next: () => Math.random(),
  int: (maxExclusive) => randomInt(maxExclusive),
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
  suffix: (length) => suffixFrom((maxExclusive) => randomInt(maxExclusive), length),
};

/** Draws a name suffix from any integer source; shared by the system's and the seeded one. */
export function suffixFrom(int: (maxExclusive: number) => number, length: number): string {
  let suffix = "";
  for (let i = 0; i < length; i++) suffix += suffixAlphabet.charAt(int(suffixAlphabet.length));
  return suffix;
}
