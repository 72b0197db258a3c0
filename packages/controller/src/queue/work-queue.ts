// A queue of keys with client-go's semantics: a key waits at most once; a key that is being worked on is not handed to a second
// worker but waits until the first is done; adding is never lost. Unbounded in principle, bounded by the number of keys.
import type { Clock, Timer } from "@coxswain/clock";
import type { QueueMetrics } from "./metrics.ts";
import { createRateLimiter } from "./rate-limit.ts";
import type { RateLimits } from "./rate-limit.ts";

export interface WorkQueue<K> {
  add(key: K): void;
  /** Adds the key after a while. An earlier time wins over a later one; a wait does not keep the key from being added before. */
  addAfter(key: K, delayMs: number): void;
  /** Adds the key after the back-off its failures have earned. */
  addRateLimited(key: K): void;
  /** The next key, or undefined once the queue is shut down and empty, or the signal is aborted. */
  get(signal?: AbortSignal): Promise<K | undefined>;
  /** Must follow every `get`. */
  done(key: K): void;
  /** Ends the key's back-off. */
  forget(key: K): void;
  failures(key: K): number;
  length(): number;
  /** No more adds; what waits may still be taken. */
  shutDown(): void;
}

export interface WorkQueueOptions {
  readonly name: string;
  readonly rateLimits?: RateLimits;
}

export function createWorkQueue<K extends string | number>(
  options: WorkQueueOptions,
  ports: { readonly clock: Clock; readonly metrics?: QueueMetrics | undefined },
): WorkQueue<K> {
  const { clock, metrics } = ports;
  const labels = { name: options.name };
  const limiter = createRateLimiter<K>(clock, options.rateLimits);
  /** Waiting to be taken, in order. Invariant: no key is both here and in `processing`. */
  const waiting = new Map<K, { readonly since: number }>();
  const processing = new Map<K, { readonly since: number }>();
  /** Added while being worked on; they wait again when done. */
  const dirty = new Set<K>();
  const delayed = new Map<K, { readonly at: number; readonly timer: Timer }>();
  const takers: (() => void)[] = [];
  let closed = false;
  // A queue that nothing has come to yet is shown, too.
  metrics?.depth.set(0, labels);
  for (const counter of [metrics?.adds, metrics?.retries]) counter?.inc(labels, 0);

  const enqueue = (key: K): void => {
    waiting.set(key, { since: clock.monotonic() });
    metrics?.depth.set(waiting.size, labels);
    takers.shift()?.();
  };

  const add = (key: K): void => {
    if (closed || waiting.has(key) || dirty.has(key)) return;
    metrics?.adds.inc(labels);
    if (processing.has(key)) dirty.add(key);
    else enqueue(key);
  };

  const addAfter = (key: K, delayMs: number): void => {
    if (closed) return;
    if (delayMs <= 0) return add(key);
    const at = clock.monotonic() + delayMs;
    const earlier = delayed.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    earlier?.timer.cancel();
    const timer = clock.setTimeout(() => {
      delayed.delete(key);
      add(key);
    }, delayMs);
    delayed.set(key, { at, timer });
  };

  const observeRunning = (): void => {
    if (metrics === undefined) return;
    const now = clock.monotonic();
    let total = 0;
    let longest = 0;
    for (const { since } of processing.values()) {
      total += now - since;
      longest = Math.max(longest, now - since);
    }
    metrics.unfinishedSeconds.set(total / 1000, labels);
    metrics.longestRunningSeconds.set(longest / 1000, labels);
  };

  const take = (): K | undefined => {
    const next = waiting.entries().next();
    if (next.done) return undefined;
    const [key, { since }] = next.value;
    waiting.delete(key);
    const now = clock.monotonic();
    processing.set(key, { since: now });
    metrics?.queueSeconds.observe((now - since) / 1000, labels);
    metrics?.depth.set(waiting.size, labels);
    observeRunning();
    return key;
  };

  const wakeAll = (): void => {
    for (const wake of takers.splice(0)) wake();
  };
  /** One ear for each signal, however many wait: a signal of a whole process has hundreds that wait on it. */
  const heeded = new WeakSet<AbortSignal>();
  const arrival = (signal: AbortSignal | undefined): Promise<void> => {
    if (signal !== undefined && !heeded.has(signal)) {
      heeded.add(signal);
      signal.addEventListener("abort", wakeAll, { once: true });
    }
    return new Promise((resolve) => takers.push(resolve));
  };

  return {
    add,
    addAfter,
    addRateLimited(key) {
      metrics?.retries.inc(labels);
      addAfter(key, limiter.delayMs(key));
    },
    async get(signal) {
      for (;;) {
        if (signal?.aborted) return undefined;
        const key = take();
        if (key !== undefined || closed) return key;
        await arrival(signal);
      }
    },
    done(key) {
      const started = processing.get(key);
      if (started === undefined) return;
      processing.delete(key);
      metrics?.workSeconds.observe((clock.monotonic() - started.since) / 1000, labels);
      observeRunning();
      if (dirty.delete(key)) enqueue(key);
    },
    forget: limiter.forget,
    failures: limiter.failures,
    length: () => waiting.size,
    shutDown() {
      closed = true;
      for (const { timer } of delayed.values()) timer.cancel();
      delayed.clear();
      wakeAll();
    },
  };
}
