// Pods that have a node and wait for permission to be bound (the permit point). A pod goes on when every plugin that made it
// wait has allowed it; it is let go when one denies it or the shortest of their times is over.
import type { Clock } from "@coxswain/clock";
import type { Plugin, WaitingPods } from "./core/plugin.ts";
import type { PodView } from "./core/resources.ts";
import { objectKey } from "@coxswain/apimachinery";

export interface PermitDesk extends WaitingPods {
  /** Resolves with undefined when the pod may be bound, or with why it may not. */
  ask(plugins: readonly Plugin[], pod: PodView, nodeName: string, signal: AbortSignal): Promise<string | undefined>;
}

interface Waiting {
  readonly plugins: Set<string>;
  readonly end: (refusal: string | undefined) => void;
}

export function createPermitDesk(clock: Clock): PermitDesk {
  const waiting = new Map<string, Waiting>();
  const desk: PermitDesk = {
    keys: () => [...waiting.keys()],
    allow(key, plugin) {
      const one = waiting.get(key);
      one?.plugins.delete(plugin);
      if (one?.plugins.size === 0) one.end(undefined);
    },
    deny: (key, plugin, reason) => waiting.get(key)?.end(`${plugin}: ${reason}`),
    async ask(plugins, pod, nodeName, signal) {
      const key = objectKey(pod);
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const waitsFor = new Set<string>();
      let shortestMs = Number.POSITIVE_INFINITY;
      // Known before the plugins are asked: one may allow those who wait, this pod among them.
      waiting.set(key, { plugins: waitsFor, end: resolve });
      try {
        for (const plugin of plugins) {
          const permission = plugin.permit?.(pod, nodeName, desk) ?? { verdict: "allow" };
          if (permission.verdict === "deny") return `${plugin.name}: ${permission.reason}`;
          if (permission.verdict === "allow") continue;
          waitsFor.add(plugin.name);
          shortestMs = Math.min(shortestMs, permission.timeoutMs);
        }
        if (waitsFor.size === 0) return undefined;
        const timer = clock.setTimeout(
          () => resolve(`rejected due to timeout after waiting ${shortestMs} ms at ${[...waitsFor].join(", ")}`),
          shortestMs,
        );
        const stop = (): void => resolve("the scheduler stops");
        signal.addEventListener("abort", stop, { once: true });
        const refusal = await promise;
        signal.removeEventListener("abort", stop);
        timer.cancel();
        return refusal;
      } finally {
        waiting.delete(key);
      }
    },
  };
  return desk;
}
