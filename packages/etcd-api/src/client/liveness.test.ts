// The beats of a connection's liveness, counted one by one.
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { Timers } from "../grpc/timers.ts";
import { watchLiveness } from "./liveness.ts";

const beatMs = 500;

/** A connection whose other side answers pings, and a busy client's calls, until it is silenced; time passes in beats. */
function rig(options: { readonly pingIntervalMs: number }) {
  let nowMs = 0;
  let answers = true;
  const due: { at: number; wake: () => void }[] = [];
  const timers: Timers = {
    setTimeout(wake, delayMs) {
      const entry = { at: nowMs + delayMs, wake };
      due.push(entry);
      return { cancel: () => void due.splice(due.indexOf(entry) >>> 0, 1) };
    },
  };
  const socket = Object.assign(new EventEmitter(), { destroyed: false });
  const seen = { pings: 0, cut: undefined as Error | undefined };
  const connection = {
    socket,
    streams: new Map([[1, {}]]),
    chunksRead: 0,
    ping(): Promise<void> {
      seen.pings++;
      if (!answers) return new Promise(() => undefined);
      connection.chunksRead++;
      return Promise.resolve();
    },
    destroy(error: Error): void {
      seen.cut = error;
      socket.destroyed = true;
    },
  };
  const liveness = watchLiveness(connection, { ...options, quick: true }, timers);
  return {
    seen,
    liveness,
    silence: () => (answers = false),
    async beat(): Promise<void> {
      nowMs += beatMs;
      if (answers) connection.chunksRead++;
      for (const entry of due.filter(({ at }) => at <= nowMs)) {
        due.splice(due.indexOf(entry), 1);
        entry.wake();
      }
      await Promise.resolve();
    },
  };
}

test("silence right after a ping that was answered is looked into as soon as any other", async () => {
  const { seen, liveness, silence, beat } = rig({ pingIntervalMs: 20 * beatMs });
  liveness.begin();
  while (seen.pings === 0) await beat();
  await beat();
  silence();
  let beats = 0;
  for (; seen.cut === undefined && beats < 50; beats++) await beat();
  expect(seen.cut).toMatchObject({ message: "the other side has not answered a ping" });
  expect(beats).toBeLessThanOrEqual(9);
});
