/** A body's lines with their ends, as many at a time as have arrived; the last one may have no end. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Buffer[]> {
  let pending = Buffer.alloc(0);
  for await (const chunk of body) {
    pending = Buffer.concat([pending, chunk]);
    const lines: Buffer[] = [];
    for (let end = pending.indexOf(10); end >= 0; end = pending.indexOf(10)) {
      lines.push(pending.subarray(0, end + 1));
      pending = pending.subarray(end + 1);
    }
    if (lines.length > 0) yield lines;
  }
  if (pending.length > 0) yield [pending];
}
