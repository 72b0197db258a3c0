// A watch's body as events: one JSON object a line.
import type { WatchEvent } from "@coxswain/apimachinery";

export async function* eventsOf<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent<T>> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of body) {
    const lines = `${pending}${decoder.decode(chunk, { stream: true })}`.split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line) as WatchEvent<T>;
  }
}
