// One JSON value a line, split across chunks as they come. A line has a limit; a longer one ends the stream.
import { RuntimeError } from "../errors.ts";

const longestLineBytes = 1 << 20;

export async function* readJsonLines(source: AsyncIterable<Uint8Array | string>): AsyncIterable<unknown> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const piece of source) {
    pending += typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
    const lines = pending.split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > longestLineBytes)
      throw new RuntimeError("failed", `the engine sent a line of more than ${longestLineBytes} bytes`);
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as unknown;
  }
  if (pending.trim() !== "") yield JSON.parse(pending) as unknown;
}
