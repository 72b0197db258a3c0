// What discovery says of the version in which a resource is stored: eight bytes of SHA-256 (FIPS 180-4) over group, version and kind, in base64.
// Clients compare it between servers and over time, so it is Kubernetes' value; it protects nothing.

export function storageVersionHash(group: string, version: string, kind: string): string {
  const [high = 0, low = 0] = sha256(Buffer.from(`${group}/${version}/${kind}`));
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(high, 0);
  bytes.writeUInt32BE(low, 4);
  return bytes.toString("base64");
}

const primes = Array.from({ length: 312 }, (_, n) => n).filter((n) => n > 1 && isPrime(n));
const fraction = (root: number): number => Math.floor((root % 1) * 2 ** 32) | 0;
const initial = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const rounds = primes.map((prime) => fraction(Math.cbrt(prime)));

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
}

/** The digest as eight unsigned words. */
export function sha256(message: Uint8Array): readonly number[] {
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  padded.writeUInt32BE(message.length * 8, padded.length - 4);
  let state = initial;
  for (let at = 0; at < padded.length; at += 64) {
    const mixed = compress(state, scheduleOf(padded.subarray(at, at + 64)));
    state = state.map((word, n) => (word + (mixed[n] ?? 0)) | 0);
  }
  return state.map((word) => word >>> 0);
}

function scheduleOf(block: Buffer): readonly number[] {
  const words = Array.from({ length: 16 }, (_, n) => block.readInt32BE(n * 4));
  const word = (n: number): number => words[n] ?? 0;
  for (let n = 16; n < 64; n += 1) {
    const [early, late] = [word(n - 15), word(n - 2)];
    const first = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    const second = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
    words.push((word(n - 16) + first + word(n - 7) + second) | 0);
  }
  return words;
}

function compress(state: readonly number[], words: readonly number[]): readonly number[] {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (const [n, word] of words.entries()) {
    const chosen = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + chosen + (rounds[n] ?? 0) + word) | 0;
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  return [a, b, c, d, e, f, g, h];
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
