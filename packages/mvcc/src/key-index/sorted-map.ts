// A map ordered by its keys: a list of chunks, each a sorted array. Finding is two binary searches; inserting moves at
// most one chunk's entries. For a million keys that is faster and smaller than a tree of nodes.

const mostPerChunk = 512;

interface Chunk<V> {
  readonly keys: string[];
  readonly values: V[];
}

export class SortedMap<V> {
  #chunks: Chunk<V>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const chunk = this.#chunks[this.#chunkFor(key)];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.keys, key);
    return chunk.keys[at] === key ? chunk.values[at] : undefined;
  }

  set(key: string, value: V): void {
    if (this.#chunks.length === 0) this.#chunks.push({ keys: [], values: [] });
    const index = Math.min(this.#chunkFor(key), this.#chunks.length - 1);
    const chunk = this.#chunks[index] as Chunk<V>;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] === key) {
      chunk.values[at] = value;
      return;
    }
    this.#size++;
    if (at === chunk.keys.length) {
      chunk.keys.push(key);
      chunk.values.push(value);
    } else {
      chunk.keys.splice(at, 0, key);
      chunk.values.splice(at, 0, value);
    }
    if (chunk.keys.length <= mostPerChunk) return;
    // Keys that arrive in order fill chunks to the brim; others are halved.
    const from = at === chunk.keys.length - 1 ? mostPerChunk - 1 : mostPerChunk >>> 1;
    this.#chunks.splice(index + 1, 0, { keys: chunk.keys.splice(from), values: chunk.values.splice(from) });
  }

  delete(key: string): boolean {
    const index = this.#chunkFor(key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return false;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] !== key) return false;
    chunk.keys.splice(at, 1);
    chunk.values.splice(at, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(index, 1);
    this.#size--;
    return true;
  }

  /** Calls `visit` for each entry from `start` on, below `end` if given, in order, until it answers false. */
  visit(start: string, end: string | undefined, visit: (key: string, value: V) => boolean | void): void {
    for (let index = this.#chunkFor(start), first = true; index < this.#chunks.length; index++, first = false) {
      const { keys, values } = this.#chunks[index] as Chunk<V>;
      for (let at = first ? lowerBound(keys, start) : 0; at < keys.length; at++) {
        const key = keys[at] as string;
        if (end !== undefined && key >= end) return;
        if (visit(key, values[at] as V) === false) return;
      }
    }
  }

  /** The first chunk whose last key is not less than `key`. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { keys } = this.#chunks[middle] as Chunk<V>;
      if ((keys[keys.length - 1] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
