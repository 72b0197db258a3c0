// Cuts a stream of bytes into JSON texts, one object after the other, with or without line breaks between them. It looks at braces
// and quotes only; whether a text is good JSON is found out by whoever parses it.

const openBrace = 0x7b;
const closeBrace = 0x7d;
const quote = 0x22;
const backslash = 0x5c;

/** Throws `RangeError` when one object is larger than `maxBytes`, or when the stream ends within one. */
export async function* jsonTexts(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let [depth, inText, escaped] = [0, false, false];
  for await (const chunk of chunks) {
    let start = 0;
    const buffered = rest.length;
    const bytes = buffered === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let at = buffered; at < bytes.length; at++) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (inText) {
        if (byte === backslash) escaped = true;
        else if (byte === quote) inText = false;
      } else if (byte === quote) inText = true;
      else if (byte === openBrace) depth++;
      else if (byte === closeBrace && --depth === 0) {
        yield bytes.toString("utf8", start, at + 1);
        start = at + 1;
      }
    }
    rest = bytes.subarray(start);
    if (rest.length > maxBytes) throw new RangeError(`a request of more than ${maxBytes} bytes`);
  }
  if (rest.toString().trim() !== "") throw new RangeError("unexpected EOF");
}
