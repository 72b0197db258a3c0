// The engine's events about our containers, reconnecting for as long as the signal lasts. What is lost in between is
// announced by `connected`.
import type { Readable } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { kindOf, marks } from "../marks.ts";
import type { Labels, RuntimeEvent } from "../runtime.ts";
import type { Engine } from "./engine.ts";
import { readJsonLines } from "./json-lines.ts";

const reconnectDelayMs = 500;
const actions: Readonly<Record<string, Exclude<RuntimeEvent["type"], "connected">>> = {
  create: "created",
  start: "started",
  die: "exited",
  destroy: "removed",
  oom: "outOfMemory",
};

export async function* watchEvents(
  engine: Engine,
  clock: Clock,
  cluster: string,
  signal: AbortSignal,
): AsyncIterable<RuntimeEvent> {
  while (!signal.aborted) {
    try {
      const filters = { type: ["container"], event: Object.keys(actions), label: [`${marks.cluster}=${cluster}`] };
      const source = (await engine.long.getEvents({
        filters: JSON.stringify(filters),
        abortSignal: signal,
      })) as Readable;
      yield { type: "connected" };
      for await (const line of readJsonLines(source)) {
        const event = eventOf(line);
        if (event) yield event;
      }
    } catch (error) {
      // Any failure means the same: the engine is away, or talks nonsense; try again. `connected` tells when it is back.
      if (signal.aborted || !(error instanceof Error)) return;
    }
    await clock.sleep(reconnectDelayMs, signal).catch(() => undefined);
  }
}

function eventOf(line: unknown): RuntimeEvent | undefined {
  if (!isRecord(line) || !isRecord(line.Actor) || typeof line.Action !== "string" || typeof line.Actor.ID !== "string")
    return undefined;
  const type = actions[line.Action];
  const labels = isRecord(line.Actor.Attributes) ? (line.Actor.Attributes as Labels) : {};
  if (!type || !kindOf(labels)) return undefined;
  return { type, id: line.Actor.ID, labels, timeMs: typeof line.timeNano === "number" ? line.timeNano / 1e6 : 0 };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
