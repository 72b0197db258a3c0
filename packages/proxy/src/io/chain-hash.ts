// kube-proxy's chain names: the first sixteen characters of the base32 form of a SHA-256.
import { createHash } from "node:crypto";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function chainHash(text: string): string {
  const digest = createHash("sha256").update(text).digest();
  // Ten bytes are sixteen characters of five bits.
  let bits = BigInt(`0x${digest.subarray(0, 10).toString("hex")}`);
  let name = "";
  for (let i = 0; i < 16; i++) {
    name = alphabet.charAt(Number(bits & 31n)) + name;
    bits >>= 5n;
  }
  return name;
}
