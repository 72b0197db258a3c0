// Writes down what clients asked and what came back, with moments that tell before from after. It asks nothing itself.
import type { Clock } from "@coxswain/clock";
import type {
  History,
  Operation,
  Outcome,
  Request,
  WatchEnd,
  WatchRecord,
  WatchRequest,
  WatchResponse,
} from "../history.ts";

export interface Recorder {
  /** Performs and records; answers the outcome. */
  operation(
    who: { readonly client: number; readonly member: string },
    request: Request,
    perform: () => Promise<Outcome>,
  ): Promise<Outcome>;
  watch(who: { readonly client: number; readonly member?: string }, request: WatchRequest): WatchRecording;
  history(): History;
  /** How many operations were recorded, by outcome. */
  counts(): Readonly<Record<Outcome["kind"], number>>;
}

export interface WatchRecording {
  response(response: Omit<WatchResponse, "at">): void;
  end(end: Omit<WatchEnd, "at">): void;
  /** Everything up to here has come. */
  readonly position: number;
}

/** Less than any clock tells apart, more than a number of that size loses. */
const hairMs = 1e-6;

export function createRecorder(clock: Clock): Recorder {
  const operations: Operation[] = [];
  const watches: { record: Omit<WatchRecord, "end">; end: WatchEnd | undefined }[] = [];
  const counts = { ok: 0, failed: 0, unknown: 0 };
  const startMs = clock.monotonic();
  let last = 0;
  let nextId = 1;
  const moment = (): number => {
    last = Math.max(clock.monotonic() - startMs, last + hairMs);
    return last;
  };
  return {
    async operation(who, request, perform) {
      const id = nextId++;
      const start = moment();
      const outcome = await perform();
      counts[outcome.kind]++;
      operations.push({ id, ...who, start, end: moment(), request, outcome });
      return outcome;
    },
    watch(who, request) {
      const responses: WatchResponse[] = [];
      const id = nextId++;
      const entry: (typeof watches)[number] = {
        record: { id, ...who, start: moment(), request, responses },
        end: undefined,
      };
      watches.push(entry);
      let position = 0;
      return {
        response(response) {
          responses.push({ at: moment(), ...response });
          position = Math.max(position, response.events.at(-1)?.kv.modRevision ?? response.revision);
        },
        end: (end) => void (entry.end ??= { at: moment(), ...end }),
        get position() {
          return position;
        },
      };
    },
    history: () => ({
      operations: operations.toSorted((a, b) => a.start - b.start),
      watches: watches.map(({ record, end }) => (end === undefined ? record : { ...record, end })),
    }),
    counts: () => ({ ...counts }),
  };
}
