// A stream of requests from a client in the same process, as an async iterable for one reader. It has no limit: its writer is a test.
export interface RequestQueue<T> extends AsyncIterable<T> {
  push(request: T): void;
  end(): void;
}

export function createRequestQueue<T>(): RequestQueue<T> {
  const queue: T[] = [];
  let ended = false;
  let wake: PromiseWithResolvers<void> | undefined;
  const rouse = (): void => {
    wake?.resolve();
    wake = undefined;
  };
  return {
    push(request) {
      queue.push(request);
      rouse();
    },
    end() {
      ended = true;
      rouse();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else if (ended) return;
        else {
          wake = Promise.withResolvers();
          await wake.promise;
        }
      }
    },
  };
}
