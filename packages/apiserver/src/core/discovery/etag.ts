// A fingerprint of a document for ETags: FNV-1a, twice with different seeds. Not for security.

export function createHash(bytes: Uint8Array): string {
  return [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b]
    .map((seed) => fnv(bytes, seed).toString(16).padStart(8, "0"))
    .join("")
    .toUpperCase();
}

function fnv(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
