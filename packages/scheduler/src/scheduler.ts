// The scheduler's assembly: informers feed the view, the loop places pods while this instance leads, the server shows
// health, metrics and decisions. Only wiring.
import type { Client } from "@coxswain/client";
import { createEventRecorder, createLeaderElector, fenceClient } from "@coxswain/controller";
import type { Clock, Random } from "@coxswain/clock";
import { createHttpsServer, sequence } from "@coxswain/daemon";
import type { Component, Logger, MetricsRegistry } from "@coxswain/daemon";
import type { SchedulerConfig } from "./config.ts";
import { ClusterState } from "./core/cluster.ts";
import { createEvaluations } from "./core/evaluation.ts";
import { createDecisionLog } from "./core/explain.ts";
import type { DecisionLog } from "./core/explain.ts";
import { createPreemptor } from "./core/preemption/preemption.ts";
import { createProfile } from "./core/profile.ts";
import type { ExtraPlugin } from "./core/profile.ts";
import { SchedulingQueue } from "./core/queue.ts";
import { createSlimPod } from "./core/slim-pod.ts";
import { debugRoutes } from "./io/debug.ts";
import { createExtender } from "./io/extender.ts";
import { createLimit } from "./limit.ts";
import { createSchedulingLoop } from "./loop.ts";
import { metricTable } from "./metrics.ts";
import type { SchedulerParts } from "./parts.ts";
import { createPermitDesk } from "./waiting-pods.ts";
import { createWatching } from "./watching.ts";

export interface SchedulerPorts {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Plugins beside Kubernetes' own, which a profile may enable. */
  readonly plugins?: readonly ExtraPlugin[];
}

/** Last decisions that are kept, one for each pod, and particulars in all of them together. */
const keptDecisions = 1000;
const keptParticulars = 4_000_000;
/** Writes that may be under way at once. */
const mostWrites = 64;

export function createScheduler(config: SchedulerConfig, ports: SchedulerPorts): Component {
  const decisions = createDecisionLog(keptDecisions, keptParticulars);
  const cluster = new ClusterState();
  const placing = createPlacing(config, ports, cluster, decisions);
  if (config.https === undefined) return placing;
  const server = createHttpsServer(config.https, {
    ...ports,
    ready: () => placing.ready(),
    routes: debugRoutes(decisions, cluster),
  });
  return sequence([server, placing]);
}

function createPlacing(
  config: SchedulerConfig,
  ports: SchedulerPorts,
  cluster: ClusterState,
  decisions: DecisionLog,
): Component {
  const { client, clock, log } = ports;
  const { scheduling } = config;
  const identity = `${config.host}_${ports.random.uuid()}`;
  const elector =
    config.leaderElection === undefined
      ? undefined
      : createLeaderElector({ ...config.leaderElection, identity }, ports);
  const fenced = elector === undefined ? client : fenceClient(client, () => elector.isLeading());
  const profiles = scheduling.profiles.map((profile) =>
    createProfile(profile, scheduling.percentageOfNodesToScore, ports.plugins),
  );
  const queue = new SchedulingQueue(profiles, {
    firstPauseMs: scheduling.podInitialBackoffSeconds * 1000,
    longestPauseMs: scheduling.podMaxBackoffSeconds * 1000,
  });
  const schedulerNames = new Set(profiles.map(({ schedulerName }) => schedulerName));
  const [first = "default-scheduler"] = schedulerNames;
  const watching = createWatching(
    { cluster, queue, schedulerNames },
    {
      ...ports,
      // Extenders are sent the pod as it is.
      slim: scheduling.extenders.length === 0 ? createSlimPod() : (pod) => pod,
      nudge: () => loop.nudge(),
    },
  );
  const parts: SchedulerParts = {
    ...ports,
    client: fenced,
    queue,
    cluster,
    evaluations: createEvaluations(cluster),
    preemptor: createPreemptor(),
    extenders: scheduling.extenders.map((extender) => createExtender(extender, clock)),
    decisions,
    recorder: createEventRecorder({ component: first, host: config.host }, ports),
    permits: createPermitDesk(clock),
    volumeChange: watching.volumeChange,
    writes: createLimit(mostWrites),
    metrics: ports.metrics.create(metricTable),
  };
  const loop = createSchedulingLoop(parts);
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  return {
    async start(signal) {
      signal.addEventListener("abort", () => stopping.abort(signal.reason), { once: true });
      const lead = async (leading: AbortSignal): Promise<void> => {
        await watching.catchUp(AbortSignal.any([leading, stopping.signal]));
        log.info({ identity, profiles: [...schedulerNames] }, "scheduling");
        await loop.run(AbortSignal.any([leading, stopping.signal]));
      };
      const following = watching.run(stopping.signal);
      const placing = async (): Promise<void> => {
        await watching.whenSynced(stopping.signal);
        await (elector === undefined ? lead(stopping.signal) : elector.run(stopping.signal, lead));
      };
      running = Promise.all([following, placing()]).catch((err: unknown) => {
        if (!stopping.signal.aborted) throw err;
      });
    },
    ready: () => watching.missing(),
    async stop() {
      stopping.abort(new DOMException("the scheduler stops", "AbortError"));
      await running;
      await parts.recorder.flush();
    },
  };
}
