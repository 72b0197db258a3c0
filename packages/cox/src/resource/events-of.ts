// A watch's body as events: one JSON object a line. A line that the stream's end has cut is none.
import type { WatchEvent } from "@coxswain/apimachinery";
import { linesOf } from "./lines-of.ts";

const lineFeed = 10;

export async function* eventsOf<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent<T>> {
  for await (const lines of linesOf(body))
    for (const line of lines)
      if (line.length > 1 && line.at(-1) === lineFeed) yield JSON.parse(line.toString()) as WatchEvent<T>;
}
