// What is counted of each flow schema at its priority level, and shown in metrics when somebody asks: plain numbers until then, as every request
// touches them.
import type { Metrics } from "@coxswain/daemon";
import type { LevelLimits } from "../../core/fairness/limits.ts";
import type { metricTable } from "../../metrics.ts";

export interface FlowFigures {
  waiting: number;
  waitingSeats: number;
  executing: number;
  executingSeats: number;
  dispatched: number;
}

export interface Figures {
  of(level: string, schema: string): FlowFigures;
  show(): void;
  showLimits(level: string, limits: LevelLimits, current: number): void;
  showDemand(level: string, highest: number, smoothed: number): void;
  /** The level is no more. */
  forget(level: string): void;
}

export function createFigures(metrics: Metrics<typeof metricTable>): Figures {
  const levels = new Map<string, Map<string, FlowFigures & { shown: number }>>();
  const perFlow = [
    ["waiting", metrics.flowWaiting],
    ["waitingSeats", metrics.flowWaitingSeats],
    ["executing", metrics.flowExecuting],
    ["executingSeats", metrics.flowExecutingSeats],
  ] as const;
  const perLevel = [
    metrics.flowNominal,
    metrics.flowLower,
    metrics.flowUpper,
    metrics.flowCurrent,
    metrics.flowHighest,
    metrics.flowSmoothed,
  ];
  return {
    of(level, schema) {
      const schemas = levels.get(level) ?? new Map<string, FlowFigures & { shown: number }>();
      levels.set(level, schemas);
      const known = schemas.get(schema);
      if (known) return known;
      const fresh = { waiting: 0, waitingSeats: 0, executing: 0, executingSeats: 0, dispatched: 0, shown: 0 };
      schemas.set(schema, fresh);
      return fresh;
    },
    show() {
      for (const [priority_level, schemas] of levels)
        for (const [flow_schema, figures] of schemas) {
          const labels = { priority_level, flow_schema };
          metrics.flowDispatched.inc(labels, figures.dispatched - figures.shown);
          figures.shown = figures.dispatched;
          for (const [name, gauge] of perFlow) gauge.set(figures[name], labels);
        }
    },
    showLimits(priority_level, { nominal, lower, upper }, current) {
      metrics.flowNominal.set(nominal, { priority_level });
      metrics.flowLower.set(lower, { priority_level });
      metrics.flowUpper.set(upper, { priority_level });
      metrics.flowCurrent.set(current, { priority_level });
    },
    showDemand(priority_level, highest, smoothed) {
      metrics.flowHighest.set(highest, { priority_level });
      metrics.flowSmoothed.set(smoothed, { priority_level });
    },
    forget(priority_level) {
      for (const gauge of perLevel) gauge.remove({ priority_level });
      for (const flow_schema of levels.get(priority_level)?.keys() ?? [])
        for (const [, gauge] of perFlow) gauge.remove({ priority_level, flow_schema });
      levels.delete(priority_level);
    },
  };
}
