// HPACK's Huffman code (RFC 7541, appendix B), decoding only: we send text as it is. The code is canonical, so the lengths
// say it all: codes of one length follow each other in the order of their symbols.

const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const endOfString = 256;

/** A binary tree in one array: two slots a node; a positive number is the next node, a negative one -(symbol + 1). */
const tree: Int32Array = buildTree();

function buildTree(): Int32Array {
  const slots: number[] = [0, 0];
  const symbols = Array.from(lengths.keys()).sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  let code = 0;
  let previousLength = 0;
  for (const symbol of symbols) {
    const length = lengths[symbol] ?? 0;
    code *= 2 ** (length - previousLength);
    previousLength = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = node + ((code >>> bit) & 1);
      if (slots[slot] === 0) {
        slots[slot] = slots.length;
        slots.push(0, 0);
      }
      node = slots[slot] as number;
    }
    slots[node + (code & 1)] = -(symbol + 1);
    code++;
  }
  return Int32Array.from(slots);
}

/** The text, one character per byte; undefined when the bytes are not Huffman-coded text. */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string | undefined {
  let text = "";
  let node = 0;
  let bitsSinceSymbol = 0;
  let onlyOnes = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >>> bit) & 1;
      const next = tree[node + one] as number;
      if (next < 0) {
        if (-next - 1 === endOfString) return undefined;
        text += String.fromCharCode(-next - 1);
        node = 0;
        bitsSinceSymbol = 0;
        onlyOnes = true;
        continue;
      }
      node = next;
      bitsSinceSymbol++;
      if (one === 0) onlyOnes = false;
    }
  }
  // The last byte is filled up with the beginning of the end-of-string code, which is all ones.
  return bitsSinceSymbol < 8 && onlyOnes ? text : undefined;
}
