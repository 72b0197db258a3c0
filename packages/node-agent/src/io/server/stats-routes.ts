// What the agent tells of usage over HTTP: `/stats/summary` and the `/metrics/…` of the kubelet. Read when asked.
import type { HttpsServerPorts } from "@coxswain/daemon";
import { cadvisorMetrics } from "../../core/stats/cadvisor-metrics.ts";
import { resourceMetrics } from "../../core/stats/resource-metrics.ts";
import { summaryOf } from "../../core/stats/summary.ts";
import type { UsageReader } from "../stats/reader.ts";

type App = Parameters<NonNullable<HttpsServerPorts["routes"]>>[0];

const textType = "text/plain; version=0.0.4; charset=utf-8";

export function addStatsRoutes(app: App, usage: UsageReader): void {
  app.get<{ Querystring: { readonly only_cpu_and_memory?: string } }>("/stats/summary", async (request, reply) => {
    const onlyCpuAndMemory = request.query.only_cpu_and_memory === "true";
    return reply.send(summaryOf(await usage.summary(), onlyCpuAndMemory));
  });
  app.get("/metrics/resource", async (_request, reply) =>
    reply.type(textType).send(resourceMetrics(usage.node(), await usage.containers())),
  );
  app.get("/metrics/cadvisor", async (_request, reply) =>
    reply.type(textType).send(cadvisorMetrics(usage.node(), await usage.containers(true), usage.facts)),
  );
  app.get("/metrics/probes", (_request, reply) => reply.type(textType).send(usage.probes()));
}
