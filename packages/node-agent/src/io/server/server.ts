// The agent's HTTPS server: logs, exec, attach, port-forward, pods. Who may use it is the gate's decision; health is open to all.
import { Readable } from "node:stream";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { createHttpsServer } from "@coxswain/daemon";
import type { HttpsServer, HttpsServerConfig, HttpsServerPorts, Logger, MetricsRegistry } from "@coxswain/daemon";
import { allContainersOf } from "../../core/pod/lifecycle.ts";
import { messageOf } from "../../errors.ts";
import { removeLocalVolume } from "../mounts/persistent-volume.ts";
import type { PodFeed } from "../pods/pod-feed.ts";
import type { PodSet } from "../pods/pod-set.ts";
import type { UsageReader } from "../stats/reader.ts";
import { addStatsRoutes } from "./stats-routes.ts";
import { findAttempt, limited, parseLogQuery } from "./logs.ts";
import { manifestRoutes } from "./manifests.ts";
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
  /** Who may use everything but health. */
  readonly gate: NonNullable<HttpsServerPorts["gate"]>;
}

interface LogParams {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
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
      manifestRoutes(app, ports.feed);

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

      app.get<{ Params: LogParams }>("/containerLogs/:namespace/:pod/:container", async (request, reply) => {
        const { namespace, pod: podName, container } = request.params;
        const answer = (status: number, text: string) => reply.code(status).type("text/plain").send(text);
        const parsed = parseLogQuery(new URLSearchParams(request.url.split("?")[1] ?? ""), clock.now());
        if ("error" in parsed) return answer(400, parsed.error);
        const pod = podSet.byName(namespace, podName)?.pod();
        if (!pod) return answer(404, `pod ${JSON.stringify(podName)} does not exist\n`);
        if (!hasContainer(pod, container))
          return answer(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}\n`);
        const { query } = parsed;
        const id = await findAttempt(runtime, pod.metadata.uid ?? "", container, query.previous);
        if (id === undefined) return answer(400, missingLog(pod, container, query.previous));
        const aborter = new AbortController();
        request.raw.on("close", () => aborter.abort(new Error("the reader has gone")));
        reply.raw.on("close", () => aborter.abort(new Error("the reader has gone")));
        const chunks = runtime.logs(
          id,
          { follow: query.follow, timestamps: query.timestamps, ...onlySet(query), tty: hasTerminal(pod, container) },
          aborter.signal,
        );
        try {
          return await reply
            .type("text/plain")
            .send(Readable.from(limited(chunks, query.limitBytes), { objectMode: false }));
        } catch (error) {
          if (isRuntimeError(error, "not-found")) return answer(404, messageOf(error));
          throw error;
        }
      });
    },
  });
}

function onlySet(query: { readonly tailLines: number | undefined; readonly sinceMs: number | undefined }): {
  readonly tailLines?: number;
  readonly sinceMs?: number;
} {
  return {
    ...(query.tailLines === undefined ? {} : { tailLines: query.tailLines }),
    ...(query.sinceMs === undefined ? {} : { sinceMs: query.sinceMs }),
  };
}

function hasContainer(pod: Pod, name: string): boolean {
  return allContainersOf(pod).some((container) => container.name === name);
}

export function hasTerminal(pod: Pod, name: string): boolean {
  return allContainersOf(pod).find((container) => container.name === name)?.tty ?? false;
}

/** The kubelet's sentences for a log that is not there. */
function missingLog(pod: Pod, container: string, previous: boolean): string {
  if (previous)
    return `previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} not found`;
  const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (candidate) => candidate.name === container,
  );
  const reason = status?.state?.waiting?.reason;
  if (reason)
    return `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is waiting to start: ${reason}`;
  return `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is not available`;
}
