// Metrics declared as one table per daemon and exposed in Prometheus' text format. The only importer of prom-client.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

export type MetricSpec =
  | {
      readonly kind: "counter" | "gauge";
      readonly name: string;
      readonly help: string;
      readonly labels?: readonly string[];
    }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly help: string;
      readonly labels?: readonly string[];
      /** Upper bounds, in the metric's unit (seconds, by convention). */
      readonly buckets?: readonly number[];
    };

export type MetricTable = Readonly<Record<string, MetricSpec>>;
export type Labels = Readonly<Record<string, string | number>>;

export interface CounterMetric {
  inc(labels?: Labels, by?: number): void;
}
export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
  dec(labels?: Labels, by?: number): void;
  remove(labels: Labels): void;
}
export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
}

type MetricOf<Spec extends MetricSpec> = Spec["kind"] extends "counter"
  ? CounterMetric
  : Spec["kind"] extends "gauge"
    ? GaugeMetric
    : HistogramMetric;

export type Metrics<Table extends MetricTable> = { readonly [Name in keyof Table]: MetricOf<Table[Name]> };

/** Keeps the literal kinds of a table, so that each entry has the methods of its kind. */
export function defineMetrics<const Table extends MetricTable>(table: Table): Table {
  return table;
}

/** All metrics of one process. */
export interface MetricsRegistry {
  create<Table extends MetricTable>(table: Table): Metrics<Table>;
  /** The text that `/metrics` answers with. */
  expose(): Promise<string>;
  readonly contentType: string;
}

export function createMetricsRegistry(component: string): MetricsRegistry {
  const registry = new Registry();
  // The delays of the event loop are measured by a timer that wakes the process a hundred times a second: half a percent of a core in every
  // idle daemon. It is slowed down, and its figures, which then tell nothing, are left out; nodejs_eventloop_lag_seconds, measured when asked, stays.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 60_000 });
  for (const part of ["min", "max", "mean", "stddev", "p50", "p90", "p99"])
    registry.removeSingleMetric(`nodejs_eventloop_lag_${part}_seconds`);
  new Gauge({
    name: "coxswain_build_info",
    help: "The component's role and version; always 1.",
    labelNames: ["component", "version"],
    registers: [registry],
  }).set({ component, version: "0.1.0" }, 1);
  return {
    create: (table) => createAll(table, registry),
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function createAll<Table extends MetricTable>(table: Table, registry: Registry): Metrics<Table> {
  const entries = Object.entries(table).map(([name, spec]) => [name, createOne(spec, registry)]);
  return Object.fromEntries(entries) as Metrics<Table>;
}

function createOne(spec: MetricSpec, registry: Registry): CounterMetric | GaugeMetric | HistogramMetric {
  const common = { name: spec.name, help: spec.help, labelNames: [...(spec.labels ?? [])], registers: [registry] };
  switch (spec.kind) {
    case "counter": {
      const counter = new Counter(common);
      return { inc: (labels = {}, by = 1) => counter.inc(labels, by) };
    }
    case "gauge": {
      const gauge = new Gauge(common);
      return {
        set: (value, labels = {}) => gauge.set(labels, value),
        inc: (labels = {}, by = 1) => gauge.inc(labels, by),
        dec: (labels = {}, by = 1) => gauge.dec(labels, by),
        remove: (labels) => gauge.remove(labels),
      };
    }
    case "histogram": {
      const histogram = new Histogram({ ...common, ...(spec.buckets ? { buckets: [...spec.buckets] } : {}) });
      return { observe: (value, labels = {}) => histogram.observe(labels, value) };
    }
  }
}
