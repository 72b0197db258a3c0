// A watch of objects that another program converts: events wait for their form in the order in which they came. The same event is converted once for
// all watchers of a version. Who falls too far behind, or whose conversion fails, is told so and ends.
import { statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { served, servedAll } from "../core/registry/convert.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import { statusOf } from "../errors.ts";
import type { InitialEvent, WatchEventKind, WatchSink } from "./parts.ts";

export interface ConvertingSink extends WatchSink {
  /** Runs when everything said so far has been passed on. */
  after(work: () => void): void;
}

/** Events that may wait. */
const mostWaiting = 10_000;
/** Objects that one question to the converter is about. */
const batch = 500;

export function convertingSink(kind: Kind, reader: WatchSink): ConvertingSink {
  let queue: Promise<void> = Promise.resolve();
  let waiting = 0;
  let isOver = false;
  const end = (status?: object): void => {
    if (!isOver) reader.end(status);
    isOver = true;
  };
  const enqueue = (work: () => void | Promise<void>): void => {
    if (isOver) return;
    waiting += 1;
    if (waiting > mostWaiting) return end(statuses.expired("the watch is too far behind its conversion"));
    queue = queue
      .then(() => (isOver ? undefined : work()))
      .catch((error: unknown) => end(statusOf(error).status))
      .finally(() => (waiting -= 1));
  };
  return {
    initial(events) {
      const stored = Array.from(events, ({ object }) => object());
      enqueue(async () => {
        const objects: ApiObject[] = [];
        for (let from = 0; from < stored.length; from += batch)
          objects.push(...(await servedAll(kind, stored.slice(from, from + batch))));
        reader.initial(objects.map(initialEvent));
      });
    },
    event(type, _line, object, encoded) {
      const converted = convertedOnce(kind, type, object, encoded);
      enqueue(async () => {
        const found = await converted;
        reader.event(
          type,
          () => Buffer.concat(lineOf(type, found)),
          () => structuredClone(found),
          encoded,
        );
      });
    },
    bookmark: (revision, isEnd) => enqueue(() => reader.bookmark(revision, isEnd)),
    flush: () => enqueue(() => reader.flush()),
    end: (status) => enqueue(() => end(status)),
    after: enqueue,
  };
}

const conversions = new WeakMap<object, Map<string, Promise<ApiObject>>>();

function convertedOnce(
  kind: Kind,
  type: WatchEventKind,
  object: () => ApiObject,
  encoded: object | undefined,
): Promise<ApiObject> {
  const known = encoded ? (conversions.get(encoded) ?? new Map<string, Promise<ApiObject>>()) : undefined;
  if (encoded && known) conversions.set(encoded, known);
  const key = `${kind.apiVersion} ${type}`;
  const found = known?.get(key) ?? served(kind, object());
  known?.set(key, found);
  // Its failure is told where it is awaited.
  found.catch(() => undefined);
  return found;
}

function initialEvent(object: ApiObject): InitialEvent {
  return { line: () => lineOf("ADDED", object), object: () => object };
}

function lineOf(type: WatchEventKind, object: ApiObject): readonly Buffer[] {
  return [Buffer.from(`{"type":"${type}","object":`), encodeObject(object), Buffer.from("}\n")];
}
