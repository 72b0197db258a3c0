// Messages that arrived on a stream and wait for their reader, as an async iterable for one reader. The limit holds the
// peer back (HTTP/2 flow control) instead of growing: `full` tells the feeder to pause, `whenRoom` when to go on.

export interface Inbox<T> extends AsyncIterable<T> {
  push(message: T): void;
  /** No more will come; the reader finishes after what is queued. */
  end(): void;
  /** The reader's next step throws, after what is queued. */
  fail(error: Error): void;
  readonly full: boolean;
}

/** `onRoom` is called when a full inbox has been emptied to half, `onReturn` when its reader leaves the loop early. */
export function createInbox<T>(limit: number, onRoom: () => void, onReturn: () => void = () => {}): Inbox<T> {
  const queue: T[] = [];
  let first = 0;
  let over: { error?: Error } | undefined;
  let wake: (() => void) | undefined;
  const rouse = (): void => {
    const reader = wake;
    wake = undefined;
    reader?.();
  };
  const take = (): T => {
    const message = queue[first++] as T;
    if (first === queue.length) {
      queue.length = 0;
      first = 0;
    } else if (first > 1024) {
      queue.splice(0, first);
      first = 0;
    }
    if (queue.length - first === limit >>> 1) onRoom();
    return message;
  };
  const iterator: AsyncIterator<T> = {
    async next() {
      for (;;) {
        if (first < queue.length) return { done: false, value: take() };
        if (over?.error !== undefined) {
          const { error } = over;
          over = {};
          throw error;
        }
        if (over !== undefined) return { done: true, value: undefined };
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async return() {
      over = {};
      queue.length = 0;
      first = 0;
      onReturn();
      rouse();
      return { done: true, value: undefined };
    },
  };
  return {
    push(message) {
      if (over !== undefined) return;
      queue.push(message);
      rouse();
    },
    end() {
      over ??= {};
      rouse();
    },
    fail(error) {
      over ??= { error };
      rouse();
    },
    get full() {
      return queue.length - first >= limit;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}
