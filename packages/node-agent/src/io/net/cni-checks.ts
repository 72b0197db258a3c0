// Asks the plugins whether sandboxes' networks are still as they made them (CHECK): of each at the agent's start and every five minutes. A sandbox that
// was confirmed before and fails twice in a row has lost its network, and the pod gets a new one; where the plugins have never confirmed it, their CHECK
// proves nothing, and that is said.
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { mayAsk } from "../../core/network/cni-versions.ts";
import { messageOf } from "../../errors.ts";
import type { CniChain } from "./cni-chain.ts";
import type { CniRecord, CniRecords } from "./cni-records.ts";

export interface CniChecks {
  /** Asks for those whose time it is, one after the other. */
  round(running: ReadonlySet<string>, signal?: AbortSignal): Promise<void>;
  isLost(id: string): boolean;
  /** Resolves when nobody is asked about the sandbox any more; it is forgotten then. */
  end(id: string): Promise<void>;
}

const checkEveryMs = 300_000;

export function createCniChecks(ports: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly chain: CniChain;
  readonly records: CniRecords;
  /** Its namespace is still the one that was added. */
  readonly isThere: (record: CniRecord) => Promise<boolean>;
  /** Somebody is adding it or taking it away: not more than one operation at a time for a sandbox. */
  readonly isBusy: (id: string) => boolean;
}): CniChecks {
  const { clock, log, chain, records } = ports;
  const dueAtMs = new Map<string, number>();
  const failed = new Set<string>();
  const lost = new Set<string>();
  const asking = new Map<string, Promise<unknown>>();

  /** Why its network is not as it was made; undefined when it is. */
  const failureOf = (record: CniRecord, signal?: AbortSignal): Promise<string | undefined> => {
    const id = record.attachment.sandboxId;
    const answer = chain.ask("CHECK", record, signal).then(() => undefined, messageOf);
    asking.set(
      id,
      answer.finally(() => asking.delete(id)),
    );
    return answer;
  };

  return {
    async round(running, signal) {
      let hasGivenUp = false;
      for (const [id, record] of records.all) {
        const isTime = clock.monotonic() >= (dueAtMs.get(id) ?? 0);
        if (!isTime || !running.has(id) || lost.has(id) || !mayAsk(record.network, "CHECK")) continue;
        // What several have lost at once is not taken for all of them at once: one in each round.
        if (hasGivenUp && failed.has(id)) continue;
        if (!(await ports.isThere(record)) || ports.isBusy(id) || record.result === undefined) continue;
        const failure = await failureOf(record, signal);
        signal?.throwIfAborted();
        // Meanwhile it may have been taken away.
        if (!records.all.has(id)) continue;
        if (failure === undefined) {
          failed.delete(id);
          if (!record.checked) await records.keep({ ...record, checked: true });
        } else if (!failed.has(id)) {
          log.warn(
            { object: id, err: failure },
            "a sandbox's network is not as the plugins made it; they are asked again",
          );
          failed.add(id);
          continue;
        } else if (record.checked) {
          log.warn({ object: id, err: failure }, "a sandbox has lost its network; its pod gets another sandbox");
          lost.add(id);
          hasGivenUp = true;
        } else
          log.warn({ object: id, err: failure }, "the plugins never confirm their network: disableCheck spares it");
        dueAtMs.set(id, clock.monotonic() + checkEveryMs);
      }
    },
    isLost: (id) => lost.has(id),
    async end(id) {
      await asking.get(id);
      dueAtMs.delete(id);
      failed.delete(id);
      lost.delete(id);
    },
  };
}
