// The Storage port in memory, with its whole history: for tests of everything above it. Its promises are those of
// `src/core/storage.ts`; nothing is kept when the process ends.
import type {
  HistoryEvent,
  Page,
  ReplaceOutcome,
  Storage,
  StorageBatch,
  StorageEvent,
  StoredValue,
} from "../src/core/storage.ts";
import { StorageError } from "../src/core/storage.ts";

export interface MemoryStorage extends Storage {
  /** The value of a key, as text. */
  peek(key: string): string | undefined;
}

export function createMemoryStorage(): MemoryStorage {
  let revision = 1;
  let compacted = 0;
  const values = new Map<string, StoredValue>();
  const log: HistoryEvent[] = [];
  const watchers = new Set<() => void>();

  const record = (event: Omit<HistoryEvent, "revision">): number => {
    revision += 1;
    log.push({ ...event, revision });
    if (event.type === "put") values.set(event.key, { key: event.key, value: event.value, revision });
    else values.delete(event.key);
    for (const wake of watchers) wake();
    return revision;
  };
  const conditionally = (
    key: string,
    expected: number,
    write: (before: StoredValue | undefined) => number,
  ): ReplaceOutcome => {
    const current = values.get(key);
    if ((current?.revision ?? 0) !== expected) return { kind: "changed", current };
    return { kind: "written", revision: write(current) };
  };
  const put = (key: string, value: Buffer) => (before: StoredValue | undefined) =>
    record({ type: "put", key, value, created: before === undefined, before });
  const within = (from: string, to: string) => (entry: { key: string }) => entry.key >= from && entry.key < to;
  const at = (wanted: number): StoredValue[] => {
    const state = new Map<string, StoredValue>();
    for (const event of log) {
      if (event.revision > wanted) break;
      if (event.type === "put") state.set(event.key, event);
      else state.delete(event.key);
    }
    return [...state.values()];
  };

  return {
    peek: (key) => values.get(key)?.value.toString(),
    get: async (key) => ({ value: values.get(key), revision }),
    async recheck(key, knownRevision) {
      const current = values.get(key);
      if (!current) return { kind: "gone" };
      return current.revision > knownRevision ? { kind: "changed", current } : { kind: "unchanged" };
    },
    async create(key, value) {
      const outcome = conditionally(key, 0, put(key, value));
      return outcome.kind === "written" ? outcome : { kind: "exists" };
    },
    replace: async (key, value, expected) => conditionally(key, expected, put(key, value)),
    remove: async (key, expected) =>
      conditionally(key, expected, (before) =>
        record({ type: "delete", key, value: Buffer.alloc(0), created: false, before }),
      ),
    async page(request): Promise<Page> {
      const wanted = request.revision ?? revision;
      if (wanted < compacted) throw new StorageError("compacted", "mvcc: required revision has been compacted");
      const all = at(wanted)
        .filter(within(request.from, request.to))
        .sort((left, right) => (left.key < right.key ? -1 : 1));
      return { values: request.limit === 0 ? all : all.slice(0, request.limit), revision: wanted, count: all.length };
    },
    revision: async () => revision,
    async *watch(from, to, afterRevision, signal): AsyncGenerator<StorageBatch> {
      let next = log.findIndex((event) => event.revision > afterRevision);
      if (next < 0) next = log.length;
      for (;;) {
        const events: StorageEvent[] = log.slice(next).filter(within(from, to));
        next = log.length;
        yield { revision, events };
        if (next < log.length) continue;
        await new Promise<void>((resolve, reject) => {
          const wake = (): void => {
            watchers.delete(wake);
            resolve();
          };
          watchers.add(wake);
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        });
      }
    },
    async history(from, to, afterRevision, untilRevision) {
      if (afterRevision < compacted) throw new StorageError("compacted", "mvcc: required revision has been compacted");
      return log
        .filter((event) => event.revision > afterRevision && event.revision <= untilRevision)
        .filter(within(from, to));
    },
    async requestProgress() {
      for (const wake of [...watchers]) wake();
      return true;
    },
    async compact(to) {
      compacted = to;
    },
  };
}
