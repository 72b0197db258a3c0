// A binary heap: the first by `before` is at hand in one step, adding and taking cost the logarithm of the size.

export interface Heap<T> {
  readonly size: number;
  peek(): T | undefined;
  push(item: T): void;
  pop(): T | undefined;
}

export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const swap = (a: number, b: number): void => {
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  };
  return {
    get size() {
      return items.length;
    },
    peek: () => items[0],
    push(item) {
      items.push(item);
      let at = items.length - 1;
      while (at > 0) {
        const parent = (at - 1) >>> 1;
        if (!before(items[at] as T, items[parent] as T)) return;
        swap(at, parent);
        at = parent;
      }
    },
    pop() {
      const [top] = items;
      const last = items.pop();
      if (items.length === 0 || last === undefined) return top;
      items[0] = last;
      let at = 0;
      for (;;) {
        const left = at * 2 + 1;
        let first = at;
        for (const child of [left, left + 1])
          if (child < items.length && before(items[child] as T, items[first] as T)) first = child;
        if (first === at) return top;
        swap(at, first);
        at = first;
      }
    },
  };
}
