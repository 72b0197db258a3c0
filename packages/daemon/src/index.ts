export { defineCommand } from "./command.ts";
export type { Command, CommandPorts } from "./command.ts";
export { sequence } from "./component.ts";
export type { Component } from "./component.ts";
export { parseDuration } from "./duration.ts";
export { StartError, UsageError } from "./errors.ts";
export { defineFlags, describeFlags, flagTexts, parseFlags } from "./flags.ts";
export type { Flag, FlagTable, FlagTypes, FlagValues } from "./flags.ts";
export { createHttpsServer, listenFailure, serverConfigOf, verifiedPeer } from "./https-server.ts";
export type {
  HttpsServer,
  HttpsServerConfig,
  HttpsServerPorts,
  PeerIdentity,
  PlainServerConfig,
  Refusal,
} from "./https-server.ts";
export { createLogger } from "./logger.ts";
export type { LogFields, Logger, LogLevel } from "./logger.ts";
export { createMetricsRegistry, defineMetrics } from "./metrics.ts";
export type {
  CounterMetric,
  GaugeMetric,
  HistogramMetric,
  Labels,
  Metrics,
  MetricSpec,
  MetricsRegistry,
  MetricTable,
} from "./metrics.ts";
export { runDaemon, version } from "./run.ts";
export type { Daemon, DaemonPorts } from "./run.ts";
export { readTlsFiles, tlsFilesStamp } from "./tls-files.ts";
export type { TlsFiles, TlsMaterial } from "./tls-files.ts";
