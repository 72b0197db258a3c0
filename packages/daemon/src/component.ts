// What every daemon is, seen from outside, and how several of them make one.

export interface Component {
  /** Resolves when it works. The signal ends everything it has begun. */
  start(signal: AbortSignal): Promise<void>;
  /** What is missing, in words; empty when ready. */
  ready(): readonly string[];
  /** May be called at any time, more than once. Resolves when everything is given back. */
  stop(): Promise<void>;
}

/** Starts the parts in the written order and stops them in reverse; a part that fails to start undoes those before it. */
export function sequence(parts: readonly Component[]): Component {
  const started: Component[] = [];
  const stop = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (let part = started.pop(); part; part = started.pop()) {
      await part.stop().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} parts failed to stop`);
  };
  return {
    async start(signal) {
      for (const part of parts) {
        started.push(part);
        try {
          await part.start(signal);
        } catch (error) {
          await stop();
          throw error;
        }
      }
    },
    ready: () => parts.flatMap((part) => part.ready()),
    stop,
  };
}
