// All pods of this node: a worker for each, woken by the API and by the runtime's events. Containers whose pod is unknown
// are removed once the API has told which pods there are.
import type { Pod } from "@coxswain/api/core/v1";
import { marks } from "@coxswain/container-runtime";
import type { Rejection } from "../../core/admission/admit.ts";
import { fenceGraceSeconds, fencingMarks, isFenced } from "../../core/fencing.ts";
import { podRequests } from "../../core/pod/resize.ts";
import type { Sentry } from "../node/sentry.ts";
import { selfView } from "../runtime/start-container.ts";
import type { PodPorts } from "../../ports.ts";
import { nameOf } from "./state.ts";
import { createPodWorker } from "./worker.ts";
import type { PodWorker } from "./worker.ts";

export interface PodSet {
  /** Takes a pod, or its newer version. */
  put(pod: Pod): void;
  /** The pod is gone from the API. */
  forget(uid: string): void;
  /** Follows the runtime's events until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** The API's pods are all known now: what belongs to no pod is removed. */
  collectOrphans(signal: AbortSignal): Promise<void>;
  /** The node's lease has lapsed: pods that asked for it end here, those that come as well. */
  fence(): void;
  /** The lease is held again: each fenced pod goes on as the API has it now, and is forgotten if it has it no more. */
  release(current: (pod: Pod) => Promise<Pod | undefined>): Promise<void>;
  workers(): readonly PodWorker[];
  byName(namespace: string, name: string): PodWorker | undefined;
  /** Leaves the containers running. */
  stop(): Promise<void>;
}

export interface PodSetPorts extends Omit<PodPorts, "roomFor"> {
  /** Why a new pod is not taken beside the others; undefined when it is. */
  readonly admit?: (pod: Pod, others: readonly Pod[]) => Rejection | undefined;
  /** Who guards containers of fenced pods: they have ended, or these are all there are. */
  readonly guarded?: Pick<Sentry, "forget" | "reconcile">;
  /** Nothing is left of the pod of this name. */
  readonly ended?: (name: string) => void;
}

/** How often files of ConfigMaps, Secrets and tokens are brought up to date. */
const refreshMs = 60_000;

export function createPodSet(given: PodSetPorts): PodSet {
  const ports: PodPorts = { ...given, roomFor: (pod) => roomBeside(pod) };
  const { clock, log, runtime, volumes } = ports;
  const workers = new Map<string, PodWorker>();

  /** Pods that wait for the end of another one of their name: two at once would be one too many. */
  const waiting = new Map<string, Pod>();
  const leaving = new Set<string>();
  let fenced = false;

  const add = (uid: string, pod: Pod): void => {
    const worker = createPodWorker(pod, ports);
    workers.set(uid, worker);
    const rejection = given.admit?.(pod, othersOf(pod));
    if (rejection) {
      const { reason, message } = rejection;
      log.warn({ object: nameOf(pod), reason, because: message }, "the pod is not taken");
      ports.events.record(pod, undefined, "Warning", reason, message);
      worker.end({ reason, message: `Pod was rejected: ${message}`, graceSeconds: 0, isDisruption: false });
    }
    if (fenced && isFenced(pod)) worker.fence(true);
    ports.metrics.runningPods.set(workers.size);
    worker.done.then(
      () => {
        if (workers.get(uid) !== worker) return;
        workers.delete(uid);
        leaving.delete(uid);
        ports.metrics.runningPods.set(workers.size);
        given.ended?.(nameOf(pod));
        for (const next of [...waiting.values()]) if (nameOf(next) === nameOf(pod)) take(next);
      },
      (error: unknown) => log.error({ err: error, object: uid }, "a pod's worker ended with a bug"),
    );
  };

  const othersOf = (pod: Pod): readonly Pod[] =>
    [...workers.values()]
      .map((worker) => worker.pod())
      .filter((other) => other.metadata.uid !== pod.metadata.uid && !isOver(other));

  const roomBeside = (pod: Pod): { readonly cpu: number; readonly memoryBytes: number } => {
    const others = othersOf(pod).map(podRequests);
    const { cpu, memoryBytes } = given.node.allocatable;
    return {
      cpu: others.reduce((left, requests) => left - requests.cpu, cpu),
      memoryBytes: others.reduce((left, requests) => left - requests.memoryBytes, memoryBytes),
    };
  };

  const take = (pod: Pod): void => {
    const uid = pod.metadata.uid ?? "";
    const worker = workers.get(uid);
    if (worker && !leaving.has(uid)) return worker.update(pod);
    const inTheWay = worker ?? [...workers.values()].find((other) => nameOf(other.pod()) === nameOf(pod));
    if (inTheWay) {
      if (!waiting.has(uid)) log.info({ object: nameOf(pod) }, "waits for the end of the pod of this name before it");
      waiting.set(uid, pod);
      return;
    }
    waiting.delete(uid);
    add(uid, pod);
  };

  const followEvents = async (signal: AbortSignal): Promise<void> => {
    for await (const event of runtime.events(signal)) {
      if (event.type === "connected") {
        for (const worker of workers.values()) worker.poke();
        given.guarded
          ?.reconcile(presentFenced)
          .catch((error: unknown) => log.warn({ err: error }, "guarded containers could not be counted"));
      } else workers.get(event.labels[marks.podUid] ?? "")?.poke();
      if (event.type === "exited" || event.type === "removed") given.guarded?.forget(event.id);
    }
  };

  const presentFenced = async (): Promise<readonly string[]> => {
    const fencedHere = (await runtime.list()).filter(({ labels }) => labels[fencingMarks.pod] === "true");
    return fencedHere.filter(({ state }) => state !== "exited").map(({ id }) => id);
  };

  const refresh = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(refreshMs, signal).catch(() => undefined);
      for (const worker of workers.values()) {
        const pod = worker.pod();
        if (signal.aborted || pod.metadata.deletionTimestamp || pod.status?.phase !== "Running") continue;
        await volumes
          .refresh(selfView(ports, pod, pod.status.podIP), signal)
          .catch((error: unknown) =>
            log.warn({ err: error, object: pod.metadata.name }, "volumes could not be refreshed"),
          );
      }
    }
  };

  const removeOrphan = async (uid: string, signal: AbortSignal): Promise<void> => {
    for (const summary of await runtime.list({ podUid: uid }, signal)) {
      if (summary.kind === "sandbox") {
        await ports.network.detach?.(summary.id);
        await runtime.removePodSandbox(summary.id, signal);
      } else await runtime.removeContainer(summary.id, signal);
    }
    await ports.cgroups?.remove(uid);
    await volumes.remove(uid);
  };

  /** Containers of pods that are not known yet, because the agent has just started: their labels tell enough. */
  const stopStrangers = async (): Promise<void> => {
    const found = (await runtime.list()).filter(
      ({ labels, state }) =>
        state === "running" && labels[fencingMarks.pod] === "true" && !workers.has(labels[marks.podUid] ?? ""),
    );
    await Promise.all(found.map((container) => runtime.stopContainer(container.id, fenceGraceSeconds)));
  };

  const forget = (uid: string): void => {
    waiting.delete(uid);
    const worker = workers.get(uid);
    if (!worker) return;
    leaving.add(uid);
    worker.update(undefined);
  };

  return {
    put: take,
    forget,
    fence() {
      fenced = true;
      for (const worker of workers.values()) if (isFenced(worker.pod())) worker.fence(true);
      void stopStrangers().catch((error: unknown) => log.warn({ err: error }, "fenced containers could not be ended"));
    },
    async release(current) {
      const held = [...workers].filter(([, worker]) => isFenced(worker.pod()));
      const answers = await Promise.all(held.map(([, worker]) => current(worker.pod())));
      fenced = false;
      for (const [index, [uid, worker]] of held.entries()) {
        const pod = answers[index];
        if (!pod || pod.metadata.uid !== uid) forget(uid);
        else if (!leaving.has(uid)) {
          worker.update(pod);
          worker.fence(false);
        }
      }
      // Those that came in between are the newest that the API has.
      for (const [uid, worker] of workers) if (!held.some(([known]) => known === uid)) worker.fence(false);
    },
    async run(signal) {
      await Promise.all([followEvents(signal), refresh(signal)]);
    },
    async collectOrphans(signal) {
      const inRuntime = (await runtime.list(undefined, signal)).map((summary) => summary.labels[marks.podUid] ?? "");
      const uids = new Set([...inRuntime, ...(await volumes.podUids()), ...(ports.cgroups?.podUids() ?? [])]);
      for (const uid of uids) {
        if (uid === "" || workers.has(uid) || waiting.has(uid)) continue;
        log.info({ object: uid }, "removing what is left of an unknown pod");
        await removeOrphan(uid, signal);
      }
    },
    workers: () => [...workers.values()],
    byName: (namespace, name) =>
      [...workers.values()].find(
        (worker) => worker.pod().metadata.name === name && worker.pod().metadata.namespace === namespace,
      ),
    async stop() {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      workers.clear();
      waiting.clear();
      leaving.clear();
    },
  };
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}
