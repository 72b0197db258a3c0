// Which of many deadlines comes first: a binary heap with one entry for each id. A deadline that moves away leaves its entry where it is;
// whoever meets it there puts it where it belongs. So renewing a lease, the most frequent of all changes, costs nothing.

interface Entry {
  readonly id: bigint;
  readonly atMs: number;
}

export class Deadlines {
  readonly #at = new Map<bigint, number>();
  /** The time of an id's entry in the heap; never later than its deadline. */
  readonly #entered = new Map<bigint, number>();
  #heap: Entry[] = [];

  /** Infinity takes it away. */
  set(id: bigint, atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#at.delete(id);
      return;
    }
    this.#at.set(id, atMs);
    const entered = this.#entered.get(id);
    if (entered === undefined || entered > atMs) this.#push({ id, atMs });
  }

  clear(): void {
    this.#at.clear();
    this.#entered.clear();
    this.#heap = [];
  }

  /** Undefined: there is none. */
  next(): number | undefined {
    return this.#settle()?.atMs;
  }

  /** Up to `limit` ids whose deadline is not after `nowMs`, the earliest first. They stay until they are set anew. */
  due(nowMs: number, limit: number): readonly bigint[] {
    const due: Entry[] = [];
    for (;;) {
      const first = due.length < limit ? this.#settle() : undefined;
      if (first === undefined || first.atMs > nowMs) break;
      due.push(first);
      this.#pop();
    }
    for (const entry of due) this.#push(entry);
    return due.map(({ id }) => id);
  }

  /** The first entry that is where it belongs. */
  #settle(): Entry | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      const atMs = this.#entered.get(first.id) === first.atMs ? this.#at.get(first.id) : undefined;
      if (atMs === first.atMs) return first;
      this.#pop();
      if (atMs !== undefined) this.#push({ id: first.id, atMs });
    }
  }

  #push(entry: Entry): void {
    this.#entered.set(entry.id, entry.atMs);
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    // An older entry of an id that was entered again earlier since is nobody's.
    if (this.#entered.get(first.id) === first.atMs) this.#entered.delete(first.id);
    if (heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = (heap[right]?.atMs ?? Infinity) < (heap[left]?.atMs ?? Infinity) ? right : left;
      if (child >= heap.length || !this.#swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  #swapIfEarlier(lower: number, upper: number): boolean {
    const heap = this.#heap;
    const below = heap[lower];
    const above = heap[upper];
    if (below === undefined || above === undefined || below.atMs >= above.atMs) return false;
    heap[upper] = below;
    heap[lower] = above;
    return true;
  }
}
