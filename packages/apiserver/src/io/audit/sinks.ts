// Which places the audit log goes to, by the flags: a file, a webhook, or both.
import type { Clock, Random } from "@coxswain/clock";
import type { Logger, Metrics } from "@coxswain/daemon";
import type { ApiServerConfig } from "../../config.ts";
import type { metricTable } from "../../metrics.ts";
import type { AuditSink } from "./auditor.ts";
import { createLogFile } from "./log-file.ts";
import { createAuditWebhook } from "./webhook.ts";

/** In the order in which they are written to. */
export function auditSinks(
  { log: file, webhook }: NonNullable<ApiServerConfig["audit"]>,
  ports: {
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly metrics: Metrics<typeof metricTable>;
  },
): readonly AuditSink[] {
  const { clock, random, log, metrics } = ports;
  const lost = (count: number, err: unknown): void => {
    metrics.auditErrors.inc({ plugin: "webhook" }, count);
    log.error({ err, count }, "audit events could not be sent and are lost");
  };
  return [
    ...(file ? [{ ...createLogFile(file, { clock }), plugin: "log" as const, mode: file.mode }] : []),
    ...(webhook ? [createAuditWebhook(webhook, { clock, random, lost })] : []),
  ];
}
