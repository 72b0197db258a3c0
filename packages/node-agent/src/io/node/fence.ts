// Knows when the node's lease was renewed last, on the clock of the machine, across restarts and pauses of the agent: when it is too
// long ago, pods that asked for it end first, and only then is the API asked which of them are still wanted. It does not renew
// and does not know pods.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock, Timer } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";

export interface Fence {
  /** Reads what a former agent left; then whether the lease has lapsed. */
  open(): Promise<boolean>;
  /** A renewal that was sent at this moment (of `clock.monotonic`) has been confirmed. */
  renewed(sentAtMs: number): void;
  lapsed(): boolean;
  run(signal: AbortSignal): Promise<void>;
}

export interface FencePorts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds since the machine started, and which start that was. */
  readonly machineTime: () => Promise<{ readonly bootId: string; readonly uptimeMs: number }>;
  /** Somebody who outlives this process is told until when pods may run. Never rejects. */
  readonly heard: (untilUptimeMs: number) => Promise<void>;
  /** Ends the pods. */
  readonly close: () => void;
  /** Asks the API about each and lets those go on that are still wanted. */
  readonly open: (signal: AbortSignal) => Promise<void>;
}

const retryMs = 1_000;

export function createFence(config: { readonly afterMs: number; readonly file: string }, ports: FencePorts): Fence {
  const { clock, log } = ports;
  let deadlineMs = 0;
  let lapsed = true;
  let held = false;
  let timer: Timer | undefined;
  let wake = Promise.withResolvers<void>();
  let writing: Promise<void> = Promise.resolve();

  const lapse = (): void => {
    held = false;
    if (lapsed) return;
    lapsed = true;
    log.warn({ err: `no renewal for ${config.afterMs / 1000} s` }, "the node's lease has lapsed; fenced pods end");
    ports.close();
  };
  const arm = (): void => {
    timer?.cancel();
    timer = clock.setTimeout(
      () => (clock.monotonic() >= deadlineMs ? lapse() : arm()),
      Math.max(1, deadlineMs - clock.monotonic()),
    );
  };

  const remember = async (sentAtMs: number): Promise<void> => {
    try {
      const { bootId, uptimeMs: nowMs } = await ports.machineTime();
      const uptimeMs = nowMs - (clock.monotonic() - sentAtMs);
      await ports.heard(uptimeMs + config.afterMs);
      const text = JSON.stringify({ bootId, uptimeMs });
      await mkdir(dirname(config.file), { recursive: true, mode: 0o750 });
      await writeFile(`${config.file}.new`, text);
      await rename(`${config.file}.new`, config.file);
    } catch (error) {
      // An agent that restarts then fences first, which is on the safe side.
      log.warn({ err: messageOf(error) }, "the moment of the renewal could not be written down");
    }
  };

  return {
    async open() {
      const now = await ports.machineTime();
      const left = parse(await readFile(config.file, "utf8").catch(() => ""));
      const ageMs = left && left.bootId === now.bootId ? now.uptimeMs - left.uptimeMs : Number.POSITIVE_INFINITY;
      lapsed = !(ageMs >= 0 && ageMs < config.afterMs);
      if (lapsed) ports.close();
      else {
        held = true;
        deadlineMs = clock.monotonic() + config.afterMs - ageMs;
        arm();
        await ports.heard(now.uptimeMs + config.afterMs - ageMs);
      }
      return lapsed;
    },
    renewed(sentAtMs) {
      // The answer may have come late, or this process slept: what was promised for the time between is due first.
      if (!lapsed && clock.monotonic() >= deadlineMs) lapse();
      const next = sentAtMs + config.afterMs;
      if (next <= clock.monotonic()) return;
      deadlineMs = next;
      held = true;
      writing = writing.then(() => remember(sentAtMs));
      arm();
      wake.resolve();
    },
    lapsed: () => lapsed,
    async run(signal) {
      signal.addEventListener("abort", () => wake.resolve(), { once: true });
      while (!signal.aborted) {
        if (lapsed && held) {
          try {
            // Whoever guards the pods must know of the renewal before they run.
            await writing;
            await ports.open(signal);
            // It may have lapsed again while the API was asked.
            if (!held) {
              ports.close();
              continue;
            }
            lapsed = false;
            log.info({ lease: "held" }, "the node's lease is held; fenced pods that are still wanted go on");
          } catch (error) {
            if (signal.aborted) break;
            log.warn({ err: messageOf(error) }, "fenced pods could not be asked for; they stay ended");
            await clock.sleep(retryMs, signal).catch(() => undefined);
            continue;
          }
        }
        if (!(lapsed && held)) await wake.promise;
        wake = Promise.withResolvers();
      }
      timer?.cancel();
      await writing;
    },
  };
}

function parse(text: string): { readonly bootId: string; readonly uptimeMs: number } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("bootId" in value) || !("uptimeMs" in value)) return undefined;
    return typeof value.bootId === "string" && typeof value.uptimeMs === "number"
      ? { bootId: value.bootId, uptimeMs: value.uptimeMs }
      : undefined;
  } catch {
    return undefined;
  }
}
