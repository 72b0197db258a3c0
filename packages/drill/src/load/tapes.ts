// Watches over everything under the load's prefix, from its beginning to its end: one through each member, which shows that each
// member's watches keep their promises, and one through whichever answers. When history it still wanted is compacted away, a tape says
// so and goes on behind the gap; the others have what it misses.
import type { EtcdClient } from "@coxswain/etcd-api";
import type { LoadConfig, LoadPorts } from "./load.ts";
import { startWatching } from "./watching.ts";
import type { Watching } from "./watching.ts";
import { under } from "./workload.ts";

export interface Tapes {
  /** Up to this revision the tape through all members knows everything. */
  position(): number;
  /** Resolves when every tape has come to `revision`; answers those that have not, when the time is over. */
  reach(revision: number, timeoutMs: number): Promise<readonly string[]>;
  /** Begins a tape through a member that has come since. */
  follow(name: string): void;
  close(): Promise<void>;
}

interface Tape {
  readonly name: string;
  readonly client: EtcdClient;
  watching: Watching;
}

const askAgainMs = 100;

export function startTapes(config: LoadConfig, { clock, targets, recorder }: LoadPorts): Tapes {
  const tapes = new Map<string, Tape>();
  let closed = false;
  const begin = (name: string, client: EtcdClient, startRevision: number): Watching => {
    const request = { ...under(config.prefix), startRevision, previous: true };
    const watching = startWatching(client, recorder, { client: 0, member: name }, request);
    void watching.ended.then(async (compactRevision) => {
      const tape = tapes.get(name);
      if (tape === undefined || closed) return;
      await clock.sleep(askAgainMs);
      tape.watching = begin(name, client, compactRevision ?? watching.recording.position + 1);
    });
    return watching;
  };
  const floor = (): number => tapes.get(everyone)?.watching.recording.position ?? config.beginning;
  const add = (name: string, client: EtcdClient): void => {
    tapes.set(name, { name, client, watching: begin(name, client, config.beginning + 1) });
  };
  add(everyone, targets.connectAll());
  for (const name of targets.names()) add(name, targets.connect(name));
  return {
    position: floor,
    async reach(revision, timeoutMs) {
      const deadlineMs = clock.monotonic() + timeoutMs;
      const behind = (): readonly Tape[] =>
        [...tapes.values()].filter(({ watching }) => watching.recording.position < revision);
      while (behind().length > 0 && clock.monotonic() < deadlineMs) {
        for (const { client } of behind()) client.requestProgress();
        await clock.sleep(askAgainMs);
      }
      return behind().map(({ name }) => name);
    },
    follow(name) {
      if (!tapes.has(name)) add(name, targets.connect(name));
    },
    async close() {
      closed = true;
      for (const { watching, client } of tapes.values()) {
        await watching.close();
        client.close();
      }
    },
  };
}

const everyone = "all";
