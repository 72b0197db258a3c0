// The keyspace at every revision, from the changes that members were seen to write.
import { covers } from "@coxswain/drill";
import type { KeyRange, KeyValue } from "@coxswain/drill";
import type { Change, Observer } from "../observer.ts";

export class Truth {
  readonly changes: readonly Change[];
  readonly #byKey = new Map<string, Change[]>();
  readonly #byMain = new Map<number, Change[]>();

  constructor(observer: Observer) {
    this.changes = [...observer.allChanges()];
    for (const change of this.changes) {
      listIn(this.#byKey, change.key).push(change);
      listIn(this.#byMain, change.main).push(change);
    }
  }

  at(range: KeyRange, revision: number): readonly KeyValue[] {
    const found: KeyValue[] = [];
    for (const key of [...this.#byKey.keys()].filter((each) => covers(range, each)).sort()) {
      const change = (this.#byKey.get(key) ?? []).findLast((each) => each.main <= revision);
      if (change && !change.tombstone) found.push(keyValueOfChange(change));
    }
    return found;
  }

  made(revision: number): readonly Change[] {
    return this.#byMain.get(revision) ?? [];
  }
}

export function keyValueOfChange(change: Change): KeyValue {
  const { key, value, createRevision, modRevision, version, lease } = change;
  return { key, value, createRevision, modRevision, version, ...(lease === 0n ? {} : { lease: lease.toString() }) };
}

function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  const known = map.get(key);
  if (known) return known;
  const made: V[] = [];
  map.set(key, made);
  return made;
}
