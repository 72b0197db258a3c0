// Keeps the kernel's rules as wanted: after each change (several at once are one), and again every few seconds, so that a
// stranger's flush is repaired. It remembers no rules: each turn compares the whole with the kernel and writes what
// differs. When the proxy ends, the rules stay.
import type { Clock, Timer } from "@coxswain/clock";
import type { Logger, Metrics } from "@coxswain/daemon";
import type { Netfilter } from "@coxswain/netfilter";
import { goneFrontends, staleFlows, udpFrontends } from "../core/flows.ts";
import type { Frontend } from "../core/flows.ts";
import type { ServicePort } from "../core/service-port.ts";
import type { Ruleset } from "@coxswain/netfilter";
import type { proxyMetrics } from "../metrics.ts";
import type { Conntrack } from "./conntrack.ts";

export interface SyncConfig {
  /** Shortest time between two turns, in milliseconds: changes within it are made together. */
  readonly minIntervalMs: number;
  /** Longest time between two turns: how long a stranger's change may last. */
  readonly checkIntervalMs: number;
}

export interface SyncPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics<typeof proxyMetrics>;
  readonly netfilter: Netfilter;
  readonly conntrack: Conntrack;
  /** The present truth of services and endpoints. */
  readonly ports: () => readonly ServicePort[];
  readonly rules: (ports: readonly ServicePort[]) => Ruleset;
}

export interface RuleSync {
  /** Something has changed; cheap, may be called for every event. */
  wake(): void;
  /** Runs turns until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether the rules have been in force at least once. */
  synced(): boolean;
}

export function createRuleSync(config: SyncConfig, ports: SyncPorts): RuleSync {
  const { clock, log, metrics, netfilter } = ports;
  let changedAt: number | undefined;
  let wakeUp: (() => void) | undefined;
  let synced = false;
  let before: readonly Frontend[] = [];
  let toolMissing = false;

  const turn = async (signal: AbortSignal): Promise<void> => {
    const startedAt = clock.monotonic();
    const since = changedAt;
    changedAt = undefined;
    const wanted = ports.ports();
    const because = await netfilter.sync(ports.rules(wanted), signal);
    const durationMs = clock.monotonic() - startedAt;
    metrics.syncDuration.observe(durationMs / 1000);
    metrics.lastSync.set(clock.now() / 1000);
    if (because.length > 0) {
      if (synced && since === undefined) {
        metrics.repairs.inc();
        log.warn(
          { because: because.slice(0, 10), changes: because.length, durationMs },
          "the rules were changed by somebody else and are repaired",
        );
      } else log.info({ because: because.slice(0, 10), changes: because.length, durationMs }, "rules written");
    }
    if (since !== undefined) metrics.programmingLatency.observe((clock.monotonic() - since) / 1000);
    synced = true;
    await forgetStale(udpFrontends(wanted), because.length > 0, signal);
  };

  /** Only after a change of rules: as long as they stay the same, no new stale flow can arise. */
  const forgetStale = async (frontends: readonly Frontend[], changed: boolean, signal: AbortSignal): Promise<void> => {
    const gone = goneFrontends(before, frontends);
    before = frontends;
    if (!changed || frontends.length + gone.length === 0) return;
    const flows = await ports.conntrack.list(signal);
    if (flows === undefined) {
      if (!toolMissing)
        log.warn({}, "conntrack is not installed: UDP clients of removed endpoints wait for the kernel's timeout");
      toolMissing = true;
      return;
    }
    const stale = staleFlows(flows, frontends, gone);
    for (const flow of stale) await ports.conntrack.forget(flow, signal);
    if (stale.length > 0) {
      metrics.flowsForgotten.inc({}, stale.length);
      log.info({ flows: stale.length }, "stale UDP flows forgotten");
    }
  };

  const rest = (ms: number, signal: AbortSignal, wakeable: boolean): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted || (wakeable && changedAt !== undefined)) return resolve();
      const finish = (): void => {
        timer.cancel();
        wakeUp = undefined;
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer: Timer = clock.setTimeout(finish, ms);
      signal.addEventListener("abort", finish, { once: true });
      if (wakeable) wakeUp = finish;
    });

  return {
    wake() {
      changedAt ??= clock.monotonic();
      wakeUp?.();
    },
    async run(signal) {
      while (!signal.aborted) {
        try {
          await turn(signal);
        } catch (error) {
          if (signal.aborted) return;
          metrics.failures.inc();
          log.error({ err: error }, "rules could not be written");
          changedAt ??= clock.monotonic();
          await rest(config.minIntervalMs, signal, false);
        }
        await rest(config.minIntervalMs, signal, false);
        await rest(Math.max(0, config.checkIntervalMs - config.minIntervalMs), signal, true);
      }
    },
    synced: () => synced,
  };
}
