// Keeps the kernel's rules as wanted: after each change (several at once are one), and again every few seconds, so that a
// stranger's flush is repaired. At most half of the time goes into it: where thousands of services come and go, more of them are written
// together instead of more often. A change is written against what was written last; between changes the kernel is looked
// at, whole as often as that costs at most a twentieth of the time, else by a glance. When the proxy ends, the rules stay.
import type { Clock, Timer } from "@coxswain/clock";
import type { Logger, Metrics } from "@coxswain/daemon";
import { addressed, goneFrontends, staleFlows } from "../core/flows.ts";
import type { Flow, FlowProtocol, Frontend } from "../core/flows.ts";
import type { RulesConfig } from "../core/rules.ts";
import type { ServicePort } from "../core/service-port.ts";
import type { proxyMetrics } from "../metrics.ts";
import type { Conntrack } from "./conntrack.ts";
import type { Dataplane, Look } from "./dataplane.ts";

export interface SyncConfig {
  /** Shortest time between two turns, in milliseconds: changes within it are made together. */
  readonly minIntervalMs: number;
  /** Longest time between two turns: how long a stranger's change may last. */
  readonly checkIntervalMs: number;
}

/** One family's services and where they are written. */
export interface FamilyPorts {
  readonly dataplane: Dataplane;
  readonly conntrack: Conntrack;
  /** The present truth of services and endpoints. */
  readonly ports: () => readonly ServicePort[];
  readonly rules: () => RulesConfig;
}

export interface SyncPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics<typeof proxyMetrics>;
  readonly families: readonly FamilyPorts[];
  /** Called before a turn looks at the truth; what it returns is called when that truth is in force. */
  readonly turn: () => () => void;
}

export interface RuleSync {
  /** Something has changed, at this time (now, if left out); cheap, may be called for every event. */
  wake(changedAtMs?: number): void;
  /** Runs turns until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether the rules have been in force at least once. */
  synced(): boolean;
}

const lookShare = 20;
/** So many times of changes are kept for the metric while the rules cannot be written. */
const mostChanges = 1_000;

export function createRuleSync(config: SyncConfig, ports: SyncPorts): RuleSync {
  const { clock, log, metrics } = ports;
  const families = ports.families.map((family) => ({ ...family, before: [] as readonly Frontend[] }));
  /** Wall times of changes that are not in force yet. */
  let changes: number[] = [];
  let wakeUp: (() => void) | undefined;
  let synced = false;
  let failed = false;
  let toolMissing = false;
  let looked = { atMs: Number.NEGATIVE_INFINITY, costMs: 0 };

  /** Answers how long it took, in milliseconds. */
  const turn = async (signal: AbortSignal): Promise<number> => {
    const startedAt = clock.monotonic();
    const since = changes;
    const done = ports.turn();
    const how = howToLook(since.length > 0, startedAt);
    try {
      changes = [];
      const because: string[] = [];
      for (const family of families) because.push(...(await syncFamily(family, how, signal)));
      const durationMs = clock.monotonic() - startedAt;
      if (how === "look") looked = { atMs: startedAt, costMs: durationMs };
      metrics.syncDuration.observe(durationMs / 1000);
      metrics.lastSync.set(clock.now() / 1000);
      tell(because, since.length > 0, durationMs);
      for (const changedAt of since) metrics.programmingLatency.observe(Math.max(0, clock.now() - changedAt) / 1000);
      synced = true;
      failed = false;
      done();
      return durationMs;
    } catch (error) {
      changes = [...since, ...changes];
      throw error;
    }
  };

  const howToLook = (changed: boolean, now: number): Look => {
    if (!synced || failed) return "look";
    if (changed) return "trust";
    return now - looked.atMs >= looked.costMs * lookShare ? "look" : "glance";
  };

  const tell = (because: readonly string[], changed: boolean, durationMs: number): void => {
    if (because.length === 0) return;
    const fields = { because: because.slice(0, 10), changes: because.length, durationMs };
    if (synced && !changed) {
      metrics.repairs.inc();
      log.warn(fields, "the rules were changed by somebody else and are repaired");
    } else log.info(fields, "rules written");
  };

  const syncFamily = async (
    family: FamilyPorts & { before: readonly Frontend[] },
    how: Look,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    const wanted = family.ports();
    const because = await family.dataplane.sync(wanted, family.rules(), how, signal);
    // Only after a change of rules: as long as they stay the same, no new stale flow can arise.
    const { dataplane, conntrack } = family;
    const frontends = dataplane.frontends(wanted, "udp");
    const gone = goneFrontends(family.before, frontends);
    family.before = frontends;
    if (because.length === 0) return because;
    if (frontends.length + gone.length > 0)
      await forget(conntrack, staleFlows(await flowsOf(conntrack, "udp", signal), frontends, gone), signal);
    const unanswered = await flowsOf(conntrack, "tcp", signal);
    const asked = dataplane.frontends(addressed(wanted, unanswered), "tcp");
    await forget(conntrack, staleFlows(unanswered, asked, []), signal);
    return because;
  };

  const flowsOf = async (
    conntrack: Conntrack,
    protocol: FlowProtocol,
    signal: AbortSignal,
  ): Promise<readonly Flow[]> => {
    const flows = await conntrack.list(protocol, signal);
    if (flows === undefined && !toolMissing) {
      log.warn({}, "conntrack is not installed: clients of removed endpoints wait for the kernel's timeout");
      toolMissing = true;
    }
    return flows ?? [];
  };

  const forget = async (conntrack: Conntrack, stale: readonly Flow[], signal: AbortSignal): Promise<void> => {
    for (const flow of stale) await conntrack.forget(flow, signal);
    if (stale.length === 0) return;
    metrics.flowsForgotten.inc({}, stale.length);
    log.info({ flows: stale.length, protocol: stale[0]?.protocol }, "stale flows forgotten");
  };

  const rest = (ms: number, signal: AbortSignal, wakeable: boolean): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted || (wakeable && changes.length > 0)) return resolve();
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
    wake(changedAtMs = clock.now()) {
      if (changes.length < mostChanges) changes.push(changedAtMs);
      wakeUp?.();
    },
    async run(signal) {
      while (!signal.aborted) {
        let restMs = config.minIntervalMs;
        try {
          restMs = Math.min(Math.max(config.minIntervalMs, await turn(signal)), config.checkIntervalMs);
        } catch (error) {
          if (signal.aborted) return;
          failed = true;
          metrics.failures.inc();
          log.error({ err: error }, "rules could not be written");
          if (changes.length === 0) changes.push(clock.now());
          await rest(config.minIntervalMs, signal, false);
        }
        await rest(restMs, signal, false);
        await rest(config.checkIntervalMs - restMs, signal, true);
      }
    },
    synced: () => synced,
  };
}
