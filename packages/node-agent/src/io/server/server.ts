// The agent's HTTPS server: logs, exec, attach, port-forward, pods. Who may use it is the gate's decision; health is open to all.
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { createHttpsServer } from "@coxswain/daemon";
import type { HttpsServer, HttpsServerConfig, HttpsServerPorts, Logger, MetricsRegistry } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";
import type { RetainedLogs } from "../logs/retained.ts";
import { removeLocalVolume } from "../mounts/persistent-volume.ts";
import type { PodFeed } from "../pods/pod-feed.ts";
import type { PodSet } from "../pods/pod-set.ts";
import type { UsageReader } from "../stats/reader.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { addStatsRoutes } from "./stats-routes.ts";
import { logRoutes } from "./log-routes.ts";
import { manifestRoutes } from "./manifests.ts";
import { systemLogDirectory, systemLogRoutes } from "./system-logs.ts";
import { createUpgrades } from "./upgrades.ts";

export interface AgentServerConfig extends HttpsServerConfig {
  readonly localVolumeDirectory: string;
}

export interface AgentServerPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly runtime: ContainerRuntime;
  readonly podSet: PodSet;
  readonly feed: Pick<PodFeed, "post" | "withdraw">;
  readonly ready: () => readonly string[];
  readonly usage: UsageReader;
  /** What `/configz` tells. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly retained: RetainedLogs;
  /** Who may use everything but health. */
  readonly gate: NonNullable<HttpsServerPorts["gate"]>;
}

export function createAgentServer(config: AgentServerConfig, ports: AgentServerPorts): HttpsServer {
  const { clock, runtime, podSet } = ports;
  return createHttpsServer(config, {
    clock,
    log: ports.log,
    metrics: ports.metrics,
    ready: ports.ready,
    gate: ports.gate,
    upgrade: createUpgrades({ runtime, podSet, clock, log: ports.log }),
    routes(app) {
      addStatsRoutes(app, ports.usage);
      addNodeRoutes(app, ports);
      manifestRoutes(app, ports.feed);

      app.get<{ Params: { readonly namespace: string; readonly pod: string } }>(
        "/pods/:namespace/:pod/timeline",
        (request, reply) => {
          const worker = podSet.byName(request.params.namespace, request.params.pod);
          if (!worker) return reply.code(404).type("text/plain").send("there is no such pod here\n");
          return reply.send({ because: worker.because(), phases: worker.timeline() });
        },
      );

      app.get("/pods", (_request, reply) =>
        reply.send({
          kind: "PodList",
          apiVersion: "v1",
          metadata: {},
          items: podSet.workers().map((worker) => worker.pod()),
        }),
      );

      // For the built-in provisioner, through the API server's proxy: what a released volume held goes.
      app.delete<{ Params: { readonly name: string } }>("/localVolumes/:name", async (request, reply) => {
        try {
          await removeLocalVolume(config.localVolumeDirectory, request.params.name);
          return await reply.code(204).send();
        } catch (error) {
          return reply
            .code(500)
            .type("text/plain")
            .send(`${messageOf(error)}\n`);
        }
      });

      logRoutes(app, { clock, runtime, podSet, retained: ports.retained });
      systemLogRoutes(app, systemLogDirectory);
    },
  });
}
