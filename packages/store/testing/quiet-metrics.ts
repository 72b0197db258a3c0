// Metrics that nobody reads: for many members in one process.
import type { Metrics, MetricTable, MetricsRegistry } from "@coxswain/daemon";

const ignore = (): void => undefined;
const metric = { inc: ignore, dec: ignore, set: ignore, remove: ignore, observe: ignore };

export const quietMetrics: MetricsRegistry = {
  create: <Table extends MetricTable>(table: Table): Metrics<Table> =>
    Object.fromEntries(
      Object.keys(table).map((name) => [name, metric as Metrics<MetricTable>[string]]),
    ) as Metrics<Table>,
  expose: () => Promise.resolve(""),
  contentType: "text/plain",
};
