// The revisions of one key, in generations: a generation begins with the key's creation and ends with its deletion.
//
//   put 2, put 5, delete 6, put 8:     generations  { 2, 5, 6† }  { 8 }
//   compacted at 5:                                 { 5, 6† }     { 8 }
//   compacted at 6:                                 { 6† }        { 8 }     a watch from 6 on must still see the deletion
//   compacted at 7:                                               { 8 }
//
// After etcd's server/storage/mvcc/key_index.go. Revisions are kept flat (main, sub, main, sub) for size.

interface Generation {
  readonly createdMain: number;
  /** The version at the last put of the generation. */
  version: number;
  readonly revisions: number[];
  /** Its last revision is a deletion. */
  ended: boolean;
}

export interface Found {
  readonly main: number;
  readonly sub: number;
  readonly createdMain: number;
  readonly version: number;
}

export class KeyHistory {
  readonly key: string;
  #generations: Generation[] = [];

  constructor(key: string) {
    this.key = key;
  }

  get empty(): boolean {
    return this.#generations.length === 0;
  }

  /** Whether the key exists now. */
  get alive(): boolean {
    return this.#generations.at(-1)?.ended === false;
  }

  /** The newest revision, a deletion included. */
  get modified(): number {
    return this.#generations.at(-1)?.revisions.at(-2) ?? 0;
  }

  put(main: number, sub: number): void {
    const last = this.#generations.at(-1);
    if (last === undefined || last.ended) {
      this.#generations.push({ createdMain: main, version: 1, revisions: [main, sub], ended: false });
      return;
    }
    last.version++;
    last.revisions.push(main, sub);
  }

  /** A put read back from the backend, whose earlier revisions may have been compacted away. */
  restore(main: number, sub: number, createdMain: number, version: number): void {
    const last = this.#generations.at(-1);
    if (last === undefined || last.ended) {
      this.#generations.push({ createdMain, version, revisions: [main, sub], ended: false });
      return;
    }
    last.version = version;
    last.revisions.push(main, sub);
  }

  tombstone(main: number, sub: number): void {
    const last = this.#generations.at(-1);
    if (last === undefined || last.ended) {
      // Only when read back: the puts before this deletion were compacted away.
      this.#generations.push({ createdMain: main, version: 0, revisions: [main, sub], ended: true });
      return;
    }
    last.revisions.push(main, sub);
    last.ended = true;
  }

  /** The put that is visible at revision `at`; undefined when the key did not exist then. */
  find(at: number): Found | undefined {
    for (let g = this.#generations.length - 1; g >= 0; g--) {
      const { revisions, ended, createdMain, version } = this.#generations[g] as Generation;
      if ((revisions[0] as number) > at) continue;
      const puts = revisions.length - (ended ? 2 : 0);
      if (ended && (revisions[puts] as number) <= at) return undefined;
      let i = puts - 2;
      while ((revisions[i] as number) > at) i -= 2;
      return {
        main: revisions[i] as number,
        sub: revisions[i + 1] as number,
        createdMain,
        version: version - (puts - 2 - i) / 2,
      };
    }
    return undefined;
  }

  /** Calls `visit` for every revision from `from` up to `to`, both included, oldest first. */
  visitBetween(from: number, to: number, visit: (main: number, sub: number, tombstone: boolean) => void): void {
    for (const { revisions, ended } of this.#generations) {
      if ((revisions.at(-2) as number) < from) continue;
      for (let i = 0; i < revisions.length; i += 2) {
        const main = revisions[i] as number;
        if (main > to) return;
        if (main >= from) visit(main, revisions[i + 1] as number, ended && i === revisions.length - 2);
      }
    }
  }

  /**
   * Forgets what nobody can ask for any more once `at` is the oldest readable revision; `drop` is told of each. True when
   * a deletion at exactly `at` was kept, which a later compaction must remove.
   */
  compact(at: number, drop: (main: number, sub: number, tombstone: boolean) => void): boolean {
    let gone = 0;
    let held = false;
    for (const { revisions, ended } of this.#generations) {
      const last = revisions.length - 2;
      if (ended && (revisions[last] as number) < at) {
        for (let i = 0; i <= last; i += 2) drop(revisions[i] as number, revisions[i + 1] as number, i === last);
        gone++;
        continue;
      }
      let keep = 0;
      while (keep + 2 <= last && (revisions[keep + 2] as number) <= at) keep += 2;
      for (let i = 0; i < keep; i += 2) drop(revisions[i] as number, revisions[i + 1] as number, false);
      revisions.splice(0, keep);
      held = ended && (revisions.at(-2) as number) === at;
      break;
    }
    if (gone > 0) this.#generations.splice(0, gone);
    return held;
  }
}
