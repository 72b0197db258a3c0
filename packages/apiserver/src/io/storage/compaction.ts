// Compacts the store's history every few minutes, one apiserver at a time: a counter in the store (kube-apiserver's own
// `compact_rev_key`) decides whose turn it is. Each round forgets what was there at the round before, so that history of
// at least one interval stays.
import type { EtcdClient } from "@coxswain/etcd-api";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";

const key = Buffer.from("compact_rev_key");

export function createCompaction(
  client: EtcdClient,
  intervalMs: number,
  ports: { readonly clock: Clock; readonly log: Logger },
): Component {
  const { clock, log } = ports;
  const aborter = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let turn = 0;
  let revisionToForget = 0;

  /** Takes the turn if nobody has taken it since we looked last; remembers where the next round compacts to. */
  const round = async (): Promise<void> => {
    const response = await client.kv.txn({
      compare: [{ key, target: "VERSION", result: "EQUAL", version: turn }],
      success: [
        {
          requestPut: {
            key,
            value: Buffer.from(String(revisionToForget)),
            lease: 0n,
            prevKv: false,
            ignoreValue: false,
            ignoreLease: false,
          },
        },
      ],
      failure: [{ requestRange: { key } }],
    });
    const now = response.header?.revision ?? 0;
    if (!response.succeeded) {
      turn = response.responses[0]?.responseRange?.kvs[0]?.version ?? 0;
      revisionToForget = now;
      return;
    }
    turn += 1;
    if (revisionToForget > 0) {
      await client.kv.compact({ revision: revisionToForget, physical: false });
      log.info({ revision: revisionToForget }, "history compacted");
    }
    revisionToForget = now;
  };

  const run = async (): Promise<void> => {
    while (!aborter.signal.aborted) {
      try {
        await clock.sleep(intervalMs, aborter.signal);
      } catch {
        return; // Stopped.
      }
      await round().catch((err: unknown) => log.warn({ err }, "compaction failed; the next round tries again"));
    }
  };

  return {
    async start() {
      if (intervalMs > 0) running = run();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      await running;
    },
  };
}
