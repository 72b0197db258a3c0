// Pulls images for all pods of the node: so many at once, the rest in line; one credential after another until the registry takes
// one. A registry that says "too many requests" is left alone for a while, by every pod.
import { isRuntimeError, RuntimeError } from "@coxswain/container-runtime";
import type { ContainerRuntime, PullProgress, RegistryAuth } from "@coxswain/container-runtime";
import { rfc3339 } from "@coxswain/clock";
import type { Clock } from "@coxswain/clock";
import { registryOf } from "../../core/image/credentials.ts";

export interface Puller {
  pull(
    reference: string,
    credentials: readonly RegistryAuth[],
    told: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const firstPauseMs = 30_000;
const longestPauseMs = 600_000;

export function createPuller(
  config: { readonly mostAtOnce: number },
  ports: { readonly runtime: Pick<ContainerRuntime, "pullImage">; readonly clock: Clock },
): Puller {
  const { runtime, clock } = ports;
  const line: (() => void)[] = [];
  const paused = new Map<string, { readonly untilMs: number; readonly pauseMs: number }>();
  let running = 0;

  const inTurn = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    if (running < config.mostAtOnce) running++;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = line.shift();
      if (next) next();
      else running--;
    }
  };

  const tryOne = async (
    reference: string,
    auth: RegistryAuth | undefined,
    told: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const registry = registryOf(reference);
    const pause = paused.get(registry);
    if (pause && pause.untilMs > clock.now())
      throw new RuntimeError(
        "pull-failed",
        `toomanyrequests: ${registry} has asked for fewer requests; it is not asked again before ${rfc3339(pause.untilMs)}`,
      );
    try {
      await runtime.pullImage(reference, auth, signal, told);
      paused.delete(registry);
    } catch (error) {
      if (isRuntimeError(error, "pull-failed") && /toomanyrequests|too many requests|\b429\b/i.test(error.message)) {
        const pauseMs = Math.min(pause ? 2 * pause.pauseMs : firstPauseMs, longestPauseMs);
        paused.set(registry, { untilMs: clock.now() + pauseMs, pauseMs });
      }
      throw error;
    }
  };

  return {
    pull: (reference, credentials, told, signal) =>
      inTurn(async () => {
        const attempts: readonly (RegistryAuth | undefined)[] = credentials.length === 0 ? [undefined] : credentials;
        for (const [index, auth] of attempts.entries()) {
          try {
            return await tryOne(reference, auth, told, signal);
          } catch (error) {
            const isLast = index === attempts.length - 1;
            if (
              isLast ||
              !isRuntimeError(error, "pull-failed") ||
              !/unauthorized|denied|authentication/i.test(error.message)
            )
              throw error;
          }
        }
      }, signal),
  };
}
