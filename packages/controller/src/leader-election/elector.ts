// Leader election by a Lease, as client-go does it, with a fence. Times of others are never compared with our clock: a lease
// has expired when *we* have not seen it change for its duration. It does not promise that the old leader has noticed: that is
// what `isLeading` is for, which every write asks first (fence.ts). A process that was paused longer than the renew deadline
// finds itself not leading before it can write, because the question is answered by the clock, not by a timer that ran late.
import { leases } from "@coxswain/api/coordination/v1";
import type { Lease } from "@coxswain/api/coordination/v1";
import { isAlreadyExists, isConflict, isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { rfc3339Micro } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import type { Log } from "../log.ts";

export interface LeaderElectionOptions {
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Unique to this process. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface LeaderElector {
  /**
   * Stands for election until the signal; calls `lead` each time it wins and aborts its signal when it loses. Throws when `lead` does not end
   * then: whoever stands for election should end its process, which is started anew.
   */
  run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Whether a write may be made now. */
  isLeading(): boolean;
  /** Who holds the lease, as far as we have seen; "" for nobody. */
  leader(): string;
}

export const defaultLeaderElection = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
} as const;

export function createLeaderElector(
  options: LeaderElectionOptions,
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Log;
  },
): LeaderElector {
  const { clock, random, log } = ports;
  const api = ports.client.resource(leases);
  /** The lease as last seen, and when we saw it change. */
  let seen: Lease | undefined;
  let seenAt = 0;
  /** When the request that last made us leader was sent; undefined while we are not. */
  let heldSince: number | undefined;

  const observe = (lease: Lease): void => {
    const [now, before] = [lease.spec, seen?.spec];
    const changed = now?.holderIdentity !== before?.holderIdentity || now?.renewTime !== before?.renewTime;
    if (seen === undefined || changed) seenAt = clock.monotonic();
    seen = lease;
  };
  const holder = (): string => seen?.spec?.holderIdentity ?? "";
  const isLeading = (): boolean => heldSince !== undefined && clock.monotonic() - heldSince < options.renewDeadlineMs;

  /** One try to become or stay leader. */
  const tryHold = async (signal: AbortSignal): Promise<boolean> => {
    const sentAt = clock.monotonic();
    try {
      if (holder() !== options.identity || heldSince === undefined) observe(await api.get(options.lease, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      seen = undefined;
    }
    const others = holder() !== "" && holder() !== options.identity;
    const durationMs = (seen?.spec?.leaseDurationSeconds ?? options.leaseDurationMs / 1000) * 1000;
    if (others && clock.monotonic() - seenAt < durationMs) return false;
    try {
      const wanted = nextLease(seen, options, clock.now());
      observe(seen === undefined ? await api.create(wanted, { signal }) : await api.update(wanted, { signal }));
      heldSince = sentAt;
      return true;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error;
      // Somebody was faster, or the lease was removed: look again.
      heldSince = undefined;
      return false;
    }
  };

  const attempt = async (signal: AbortSignal): Promise<boolean> => {
    try {
      return await tryHold(signal);
    } catch (error) {
      if (!signal.aborted)
        log.warn({ err: String(error), lease: options.lease.name }, "the lease could not be read or written");
      return false;
    }
  };

  const pause = (signal: AbortSignal): Promise<void> =>
    clock.sleep(options.retryPeriodMs * (1 + 0.2 * random.next()), signal).catch(() => undefined); // only the signal rejects

  const keep = async (signal: AbortSignal, leading: AbortController): Promise<void> => {
    while (!signal.aborted && !leading.signal.aborted) {
      await pause(AbortSignal.any([signal, leading.signal]));
      if (signal.aborted || leading.signal.aborted) return;
      const deadline = AbortSignal.any([signal, leading.signal]);
      await Promise.race([attempt(deadline), clock.sleep(options.retryPeriodMs * 2, deadline).catch(() => undefined)]);
      if (!isLeading() || holder() !== options.identity) return;
    }
  };

  /** Work that goes on after its time cannot write, but it would keep this process from ever leading again: better that it ends. */
  const ended = async (work: Promise<void>, signal: AbortSignal): Promise<void> => {
    const waiting = new AbortController();
    const late = clock.sleep(options.leaseDurationMs, waiting.signal).then(
      () => true,
      () => false, // the work has ended
    );
    const isLate = await Promise.race([work.then(() => false), late]).finally(() => waiting.abort());
    if (!isLate) return;
    if (!signal.aborted) throw new Error(`what led has not ended ${options.leaseDurationMs / 1000} s after its time`);
    await work; // the end of the process has a bound of its own
  };

  const release = async (): Promise<void> => {
    if (seen === undefined || holder() !== options.identity) return;
    heldSince = undefined;
    const released = nextLease(seen, options, clock.now());
    await api
      .update({ ...released, spec: { ...released.spec, holderIdentity: "", leaseDurationSeconds: 1 } })
      .then(observe, (error: unknown) =>
        log.debug({ err: String(error) }, "the lease could not be released and will expire"),
      );
  };

  return {
    isLeading,
    leader: holder,
    async run(signal, lead) {
      while (!signal.aborted) {
        if (!(await attempt(signal))) {
          await pause(signal);
          continue;
        }
        log.info({ identity: options.identity, lease: options.lease.name }, "leading");
        const leading = new AbortController();
        const work = lead(AbortSignal.any([signal, leading.signal])).finally(() => leading.abort());
        await keep(signal, leading);
        leading.abort(new DOMException("no longer leading", "AbortError"));
        await ended(work, signal);
        if (signal.aborted) await release();
        else log.warn({ identity: options.identity, leader: holder() }, "no longer leading");
        heldSince = undefined;
      }
    },
  };
}

function nextLease(seen: Lease | undefined, options: LeaderElectionOptions, nowMs: number): Lease {
  const now = rfc3339Micro(nowMs);
  const ours = seen?.spec?.holderIdentity === options.identity;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: seen?.metadata ?? { namespace: options.lease.namespace, name: options.lease.name },
    spec: {
      holderIdentity: options.identity,
      leaseDurationSeconds: options.leaseDurationMs / 1000,
      acquireTime: ours ? (seen?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (seen?.spec?.leaseTransitions ?? 0) + (ours || seen === undefined ? 0 : 1),
    },
  };
}
