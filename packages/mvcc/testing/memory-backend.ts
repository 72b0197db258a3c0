// The backend port in memory: for tests, and for whoever needs no disk.
import type { Backend, Entry, Table } from "../src/backend.ts";
import { bytesOf, keyOf } from "../src/key.ts";
import { SortedMap } from "../src/key-index/sorted-map.ts";

export function createMemoryBackend(): Backend {
  const tables: Readonly<Record<Table, SortedMap<Uint8Array>>> = {
    key: new SortedMap(),
    lease: new SortedMap(),
    meta: new SortedMap(),
  };
  return {
    get: (table, key) => tables[table].get(keyOf(key)),
    put: (table, key, value) => tables[table].set(keyOf(key), value),
    delete: (table, key) => {
      tables[table].delete(keyOf(key));
    },
    async scan(table, from, limit) {
      const entries: Entry[] = [];
      tables[table].visit(keyOf(from), undefined, (key, value) => {
        if (entries.length >= limit) return false;
        entries.push({ key: bytesOf(key), value });
        return undefined;
      });
      return entries;
    },
  };
}
