// What the node tells of its engine: whether it takes orders, judged as the kubelet does (asked every few seconds; not ready after half a minute
// without a yes), and which images it has. It mends nothing.
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime, ImageStatus } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";

export interface EngineWatch {
  /** Why no pod can run; undefined while the engine takes orders. */
  missing(): string | undefined;
  /** Undefined until they have been listed. */
  images(): readonly ImageStatus[] | undefined;
  run(signal: AbortSignal): Promise<void>;
}

const askMs = 5_000;
const answerWithinMs = 10_000;
const downAfterMs = 30_000;
/** An agent that was stopped for a while has not heard an answer that was given. */
const leastFailures = 3;
const imagesMs = 60_000;

export function createEngineWatch(ports: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly runtime: Pick<ContainerRuntime, "ready" | "listImages">;
  /** The node's status has something new to say. */
  readonly changed: () => void;
}): EngineWatch {
  const { clock, log, runtime, changed } = ports;
  let why: string | undefined;
  let images: readonly ImageStatus[] | undefined;

  const inTime = async <T>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    const late = new AbortController();
    const timer = clock.setTimeout(
      () => late.abort(new Error(`no answer within ${answerWithinMs / 1000} s`)),
      answerWithinMs,
    );
    try {
      return await ask(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error;
    } finally {
      timer.cancel();
    }
  };

  const followHealth = async (signal: AbortSignal): Promise<void> => {
    let answeredAtMs = clock.monotonic();
    let failures = 0;
    while (!signal.aborted) {
      try {
        await inTime((within) => runtime.ready(within), signal);
        [answeredAtMs, failures] = [clock.monotonic(), 0];
        if (why !== undefined) {
          why = undefined;
          log.info({ down: false }, "the container runtime takes orders again");
          changed();
        }
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        const isDown = failures >= leastFailures && clock.monotonic() - answeredAtMs >= downAfterMs;
        if (isDown && why === undefined) {
          why = `container runtime is down: ${messageOf(error)}`;
          log.warn({ because: why }, "the node cannot run pods");
          changed();
        }
      }
      await clock.sleep(askMs, signal).catch(() => undefined);
    }
  };

  const followImages = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        images = await runtime.listImages(signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ err: messageOf(error) }, "the images could not be listed");
      }
      await clock.sleep(imagesMs, signal).catch(() => undefined);
    }
  };

  return {
    missing: () => why,
    images: () => images,
    async run(signal) {
      await Promise.all([followHealth(signal), followImages(signal)]);
    },
  };
}
