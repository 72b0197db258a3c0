// API priority and fairness: every request takes seats of its priority level while it is under way, and waits in a queue of its flow, is refused
// (429 with Retry-After), or goes at once. Levels lend each other seats that they do not use; what is lent is looked at every ten seconds. Streams
// and proxies take no seats; a watch has one until it has begun. Which level a request belongs to is `io/flow-schemas`' business.
import type { PriorityLevelConfiguration } from "@coxswain/api/flowcontrol/v1";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component, Metrics } from "@coxswain/daemon";
import { isExempt, limitsOf, shareOut } from "../../core/fairness/limits.ts";
import type { LevelDemand, LevelLimits } from "../../core/fairness/limits.ts";
import { RetryAfter } from "../../core/fairness/retry-after.ts";
import { createTicket, SeatQueues } from "../../core/fairness/seat-queues.ts";
import type { Discipline, Ticket } from "../../core/fairness/seat-queues.ts";
import { seatsOf } from "../../core/fairness/seats.ts";
import { isLongRunning, isReading } from "../../core/request-info.ts";
import type { RequestInfo } from "../../core/request.ts";
import type { metricTable } from "../../metrics.ts";
import type { Entrant, FlowControl } from "../../pipeline.ts";
import type { FlowMatch, FlowSchemas } from "../flow-schemas/flow-schemas.ts";
import { timeoutOf } from "../http/deadline.ts";
import { periodically } from "../periodically.ts";
import { createFigures } from "./figures.ts";
import type { FlowFigures } from "./figures.ts";

export interface Fairness extends FlowControl, Component {
  /** Brings gauges up to date; called before metrics are shown. */
  show(): void;
}

export interface FairnessPorts {
  readonly flowSchemas: Pick<FlowSchemas, "levels" | "onChange">;
  /** How many objects of the resource there are, where that is known without asking anybody. */
  readonly stored: (info: RequestInfo) => number | undefined;
  readonly clock: Clock;
  readonly metrics: Metrics<typeof metricTable>;
  readonly onError: (error: unknown) => void;
}

/** As often as Kubernetes does. */
const lookEveryMs = 10_000;
/** A request waits for a quarter of its time at most. */
const partOfTime = 4;
const longestWaitMs = 15_000;

interface Level {
  config: PriorityLevelConfiguration;
  readonly queues: SeatQueues;
  readonly retryAfter: RetryAfter;
  limits: LevelLimits;
}

/** `seats`: what all levels have together. */
export function createFairness(seats: number, ports: FairnessPorts): Fairness {
  const { flowSchemas, stored, clock, metrics } = ports;
  const levels = new Map<string, Level>();
  const figures = createFigures(metrics);
  const underWay = { readOnly: 0, mutating: 0 };
  let isStale = true;
  let fairFraction = 0;
  flowSchemas.onChange(() => (isStale = true));

  /** What the levels are now; one that is no more stays until its last request has ended. */
  const readLevels = (nowMs: number): void => {
    isStale = false;
    const found = flowSchemas.levels();
    const names = new Set(found.map(({ metadata }) => metadata.name));
    const left = [...levels.values()].filter(
      ({ config, queues }) => !names.has(config.metadata.name) && !queues.isIdle,
    );
    const all = [...found, ...left.map(({ config }) => config)];
    const limits = limitsOf(all, seats);
    for (const name of levels.keys())
      if (!limits.has(name)) {
        levels.delete(name);
        figures.forget(name);
      }
    for (const config of all) {
      const { name } = config.metadata;
      const known = levels.get(name);
      const level = known ?? {
        config,
        queues: new SeatQueues(nowMs),
        retryAfter: new RetryAfter(),
        limits: { nominal: 0, lower: 0, upper: 0 },
      };
      level.config = config;
      level.limits = limits.get(name) ?? level.limits;
      level.queues.configure(disciplineOf(config), nowMs);
      levels.set(name, level);
    }
    lend(nowMs);
  };
  const lend = (nowMs: number): void => {
    const demands = [...levels].map(([name, { config, queues, limits }]): LevelDemand => {
      return { name, isExempt: isExempt(config), limits, ...queues.demand.look(nowMs) };
    });
    const shares = shareOut(demands);
    ({ fairFraction } = shares);
    for (const [name, { queues }] of levels) queues.setLimit(shares.seats.get(name) ?? 0, nowMs);
    for (const { name, highest, smoothed } of demands) figures.showDemand(name, highest, smoothed);
  };
  const look = (): void => {
    const nowMs = clock.monotonic();
    const names = new Set(flowSchemas.levels().map(({ metadata }) => metadata.name));
    if (isStale || [...levels.keys()].some((name) => !names.has(name))) readLevels(nowMs);
    else lend(nowMs);
  };
  const again = periodically(lookEveryMs, clock, async () => look(), ports.onError);

  const refuse = (level: Level, flow: FlowMatch, reason: string): never => {
    metrics.flowRejected.inc({ ...labelsOf(flow), reason });
    const seconds = level.retryAfter.refuse(clock.monotonic());
    throw new StatusError(statuses.tooManyRequests("Too many requests, please try again later.", seconds));
  };

  /** Counts what is served from now on; the way to end it. */
  const serve = (level: Level, flow: FlowMatch, ticket: Ticket, own: FlowFigures, info: RequestInfo): (() => void) => {
    const kind = isReading(info) ? "readOnly" : "mutating";
    const startedMs = ticket.sinceMs;
    underWay[kind] += 1;
    own.dispatched += 1;
    own.executing += 1;
    own.executingSeats += ticket.seats;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const nowMs = clock.monotonic();
      underWay[kind] -= 1;
      own.executing -= 1;
      own.executingSeats -= ticket.seats;
      level.queues.finish(ticket, nowMs);
      const type = info.verb === "watch" ? "watch" : "regular";
      metrics.flowExecution.observe((nowMs - startedMs) / 1000, { ...labelsOf(flow), type });
    };
  };

  const wait = (level: Level, entrant: Entrant, flow: FlowMatch, own: FlowFigures, seat: Seat): Promise<() => void> => {
    const { ticket } = seat;
    const { signal, query, info } = entrant;
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waitMs = info.verb === "watch" ? longestWaitMs : Math.min(longestWaitMs, timeoutOf(query) / partOfTime);
    own.waiting += 1;
    own.waitingSeats += ticket.seats;
    const arrivedMs = ticket.sinceMs;
    const over = (execute: boolean): void => {
      timer.cancel();
      signal.removeEventListener("abort", gone);
      own.waiting -= 1;
      own.waitingSeats -= ticket.seats;
      const seconds = (clock.monotonic() - arrivedMs) / 1000;
      metrics.flowWait.observe(seconds, { ...labelsOf(flow), execute: String(execute) });
    };
    const giveUp = (reason: string): void => {
      if (ticket.state !== "waiting") return;
      level.queues.leave(ticket, clock.monotonic());
      over(false);
      try {
        refuse(level, flow, reason);
      } catch (error) {
        reject(error as Error);
      }
    };
    const gone = (): void => giveUp("cancelled");
    const timer = clock.setTimeout(() => giveUp("time-out"), waitMs);
    signal.addEventListener("abort", gone, { once: true });
    seat.onFree = () => {
      over(true);
      resolve(serve(level, flow, ticket, own, info));
    };
    if (signal.aborted) gone();
    return promise;
  };

  return {
    enter(entrant) {
      const { info, user, flow, query } = entrant;
      if (!flow || (isLongRunning(info) && info.verb !== "watch")) return nothing;
      const nowMs = clock.monotonic();
      if (isStale) readLevels(nowMs);
      const level = levels.get(flow.levelName);
      if (!level) return nothing;
      const labels = labelsOf(flow);
      const width = isExempt(level.config) ? 1 : seatsOf(info, query, () => stored(info), level.limits.nominal);
      metrics.flowSeats.observe(width, labels);
      const seat = takeSeat(width);
      const { ticket } = seat;
      const arrival = level.queues.arrive(ticket, `${flow.schemaName}/${distinguisherOf(flow, info, user)}`, nowMs);
      switch (arrival) {
        case "seated":
          metrics.flowWait.observe(0, { ...labels, execute: "true" });
          return serve(level, flow, ticket, figures.of(flow.levelName, flow.schemaName), info);
        case "waiting":
          metrics.flowQueueLength.observe(ticket.queue?.waiting.length ?? 0, labels);
          return wait(level, entrant, flow, figures.of(flow.levelName, flow.schemaName), seat);
        default:
          return refuse(level, flow, arrival);
      }
    },
    show() {
      if (isStale) readLevels(clock.monotonic());
      figures.show();
      for (const [name, { limits, queues }] of levels) figures.showLimits(name, limits, queues.limit);
      metrics.flowFairFraction.set(fairFraction);
      metrics.inflight.set(underWay.readOnly, { request_kind: "readOnly" });
      metrics.inflight.set(underWay.mutating, { request_kind: "mutating" });
    },
    start: (signal) => again.start(signal),
    ready: () => [],
    stop: () => again.stop(),
  };
}

interface Seat {
  readonly ticket: Ticket;
  onFree: () => void;
}

function takeSeat(width: number): Seat {
  const seat: Seat = { ticket: createTicket(width, () => seat.onFree()), onFree: nothing };
  return seat;
}

function nothing(): void {
  // Nobody waits for it, or nothing is to be given back.
}

function labelsOf({ levelName, schemaName }: FlowMatch): {
  readonly priority_level: string;
  readonly flow_schema: string;
} {
  return { priority_level: levelName, flow_schema: schemaName };
}

function distinguisherOf({ by }: FlowMatch, info: RequestInfo, user: Entrant["user"]): string {
  return by === "ByUser" ? user.username : by === "ByNamespace" ? info.namespace : "";
}

/** With Kubernetes' defaults for what may be left out. */
function disciplineOf(level: PriorityLevelConfiguration): Discipline {
  if (isExempt(level)) return { kind: "exempt" };
  const { type, queuing } = level.spec?.limited?.limitResponse ?? {};
  if (type !== "Queue") return { kind: "reject" };
  return {
    kind: "queue",
    queues: queuing?.queues ?? 64,
    handSize: queuing?.handSize ?? 8,
    longest: queuing?.queueLengthLimit ?? 50,
  };
}
