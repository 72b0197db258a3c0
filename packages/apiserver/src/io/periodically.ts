// Something that is done again and again, with a pause between the end of one and the start of the next.
import type { Clock } from "@coxswain/clock";
import type { Component } from "@coxswain/daemon";

export function periodically(
  pauseMs: number,
  clock: Clock,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Component {
  const aborter = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    for (;;) {
      try {
        await clock.sleep(pauseMs, aborter.signal);
      } catch {
        return; // Stopped.
      }
      await work().catch(onError);
    }
  };
  return {
    async start() {
      running = run();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      await running;
    },
  };
}
