// The simplest store with etcd's meaning: every revision keeps a whole copy of the map. What the real one is compared with.

export interface ModelValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: string;
}

export interface ModelEvent {
  readonly type: "PUT" | "DELETE";
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
  readonly prev: string | undefined;
}

export class NaiveModel {
  /** states[r]: everything visible at revision r. */
  readonly states: ReadonlyMap<string, ModelValue>[] = [new Map(), new Map()];
  readonly events: ModelEvent[] = [];
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  /** One transaction of puts ([key, value]) and deletions ([key]). */
  write(changes: readonly (readonly [key: string, value?: string])[]): void {
    const before = this.states.at(-1) as ReadonlyMap<string, ModelValue>;
    const next = new Map(before);
    const main = this.revision + 1;
    const made: ModelEvent[] = [];
    for (const [key, value] of changes) {
      const old = next.get(key);
      const prev = before.get(key)?.value;
      if (value !== undefined) {
        next.set(key, {
          key,
          createRevision: old?.createRevision ?? main,
          modRevision: main,
          version: (old?.version ?? 0) + 1,
          value,
        });
        made.push({ type: "PUT", key, value, modRevision: main, prev });
      } else if (old !== undefined) {
        next.delete(key);
        made.push({ type: "DELETE", key, value: "", modRevision: main, prev });
      }
    }
    if (made.length === 0) return;
    this.states.push(next);
    this.events.push(...made);
  }

  /** Values of keys in [start, end) at a revision, in order. */
  range(start: string, end: string, revision: number): ModelValue[] {
    const state = this.states[revision === 0 ? this.revision : revision] as ReadonlyMap<string, ModelValue>;
    return [...state.values()].filter(({ key }) => key >= start && key < end).sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}
