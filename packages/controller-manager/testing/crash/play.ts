// Plays a scenario once: an API server in memory, nodes and a scheduler that are pretended, the controllers in a process that may die.
// A new process takes over with caches that lag. Checks the promises after every write, and at the end what must hold of any end.
import { controllerRevisions, daemonSets, deployments, replicaSets, statefulSets } from "@coxswain/api/apps/v1";
import { cronJobs, jobs } from "@coxswain/api/batch/v1";
import {
  configMaps,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  services,
} from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi } from "@coxswain/controller/testing";
import type { ControllerName } from "../../src/controllers.ts";
import { isActive } from "../../src/pods/state.ts";
import type { ReadonlyPod } from "../../src/pods/state.ts";
import { readyStatus, testNode } from "../world.ts";
import { startProcess } from "./process.ts";
import type { Death } from "./process.ts";
import type { Scenario, Stage } from "./scenario.ts";

export interface Outcome {
  readonly writes: number;
  /** What the process that died was about; "" when none did. */
  readonly lastWords: string;
  readonly violations: readonly string[];
  readonly end: unknown;
}

/** All that change or follow workloads and what hangs on them. */
export const controllers: readonly ControllerName[] = [
  "deployment-controller",
  "replicaset-controller",
  "statefulset-controller",
  "daemonset-controller",
  "job-controller",
  "cronjob-controller",
  "ttl-after-finished-controller",
  "disruption-controller",
  "endpointslice-controller",
  "persistentvolume-binder-controller",
  "local-volume-controller",
  "persistentvolumeclaim-protection-controller",
  "persistentvolume-protection-controller",
  "namespace-controller",
  "pod-garbage-collector-controller",
  "garbage-collector-controller",
];
const kinds: readonly ResourceDescriptor[] = [
  ...[pods, nodes, namespaces, configMaps, services, persistentVolumeClaims, persistentVolumes],
  ...[deployments, replicaSets, statefulSets, daemonSets, controllerRevisions, jobs, cronJobs],
  ...[podDisruptionBudgets, endpointSlices],
];
const downMs = 3_000;
const quietSeconds = 8;
const longestSeconds = 900;

export async function play(scenario: Scenario, death: Death | undefined, seed = 1): Promise<Outcome> {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const api = createFakeApi({ clock, random }, { graceful: true });
  for (const kind of kinds) api.all(kind);
  const violations = new Set<string>();
  const everMade = new Set<string>();
  let lastWriteMs = 0;
  const stage: Stage = {
    api,
    clock,
    everMade,
    pods: () => api.all(pods) as readonly ReadonlyPod[],
    activePods: () => api.all(pods).filter(isActive),
    isQuiet: (seconds) => clock.monotonic() - lastWriteMs >= seconds * 1000,
  };
  api.faults.afterWrite = (verb, { resource }, key) => {
    if (resource === "events") return;
    lastWriteMs = clock.monotonic();
    if (verb === "create" && resource === "pods") everMade.add(key);
    const wrong = scenario.broken?.(stage);
    if (wrong !== undefined) violations.add(wrong);
  };
  for (const name of scenario.nodes ?? ["n1", "n2"]) await api.resource(nodes).create(testNode(name));

  let manager = startProcess(controllers, death, { client: api.client, clock, random });
  const { steps } = scenario;
  let [next, diedMs, lastWords, written] = [0, 0, "", 0];
  for (let ms = 0; ; ms += 500) {
    await clock.advance(500);
    await runNodes(stage, scenario, random.int(100));
    for (let step = steps[next]; step && ((await step.when?.(stage)) ?? true); step = steps[next]) {
      next++;
      await step.act(stage);
    }
    if (!manager.alive) {
      if (diedMs === 0) {
        diedMs = ms;
        ({ lastWords, writes: written } = manager);
        await clock.advance(0);
        await manager.gone;
      }
      if (ms - diedMs < downMs) continue;
      Object.assign(api.faults, { delayMs: 300, jitterMs: 400, repeat: 0.1, late: 0.1 });
      manager = startProcess(controllers, undefined, { client: api.client, clock, random });
    }
    const seconds = ms / 1000;
    const over = scenario.forSeconds === undefined ? stage.isQuiet(quietSeconds) : seconds >= scenario.forSeconds;
    if (over && next === steps.length) break;
    if (seconds > longestSeconds) {
      violations.add(`it never ends: step ${next} of ${steps.length}, quiet ${stage.isQuiet(quietSeconds)}`);
      break;
    }
  }
  if (diedMs === 0) written = manager.writes;
  manager.kill();
  await clock.advance(0);
  await manager.gone;
  for (const orphan of orphans(stage)) violations.add(orphan);
  return { writes: written, lastWords, violations: [...violations], end: scenario.end(stage) };
}

/** Binds pods, runs them and removes those that are told to go. */
async function runNodes(stage: Stage, scenario: Scenario, turn: number): Promise<void> {
  const { api, clock } = stage;
  const client = api.resource(pods);
  const names = api.all(nodes).map(({ metadata }) => metadata.name);
  for (const pod of api.all(pods)) {
    const { namespace, name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      if (pod.metadata.deletionGracePeriodSeconds !== 0)
        await client.delete({ namespace, name }, { gracePeriodSeconds: 0 });
    } else if (pod.spec?.nodeName === undefined) {
      const nodeName = daemonNode(pod) ?? names[turn % names.length];
      if (pod.spec && nodeName !== undefined) await client.update({ ...pod, spec: { ...pod.spec, nodeName } });
    } else {
      const make = scenario.agent ?? ((one) => (one.status?.phase ? undefined : readyStatus(rfc3339(clock.now()))));
      const status = make(pod, stage);
      if (status !== undefined) await client.update({ ...pod, status }, { subresource: "status" });
    }
  }
}

function daemonNode(pod: Pod): string | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.[0]?.values?.[0];
}

/** Whoever is owned has an owner that is there, or is on its way out. */
function orphans({ api }: Stage): readonly string[] {
  const all = kinds.flatMap((kind): readonly ApiObject[] => api.all(kind));
  const present = new Set(all.map(({ metadata }) => metadata.uid));
  return all.flatMap((object) =>
    (object.metadata.ownerReferences ?? [])
      .filter(({ uid }) => !present.has(uid))
      .map(({ kind, name }) => `${object.kind} ${objectKey(object)} is left behind by ${kind} ${name}`),
  );
}
