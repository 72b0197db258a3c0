// What a controller is here: which changes wake which keys, and what is done for a key. This file turns that into a running
// loop: a queue, subscriptions, workers.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import { createEventRecorder, createReconciler, createWorkQueue } from "@coxswain/controller";
import type { EventRecorder, Informer, InformerEvent, Log, QueueMetrics, ReconcileResult } from "@coxswain/controller";
import type { SharedInformers } from "./informers.ts";

export interface ControllerPorts {
  /** Writes only while this process leads. */
  readonly client: Client;
  readonly informers: SharedInformers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly queueMetrics?: QueueMetrics | undefined;
  /** A recorder under a component's name ("deployment-controller"). */
  readonly events: (component: string) => EventRecorder;
}

export interface Controller {
  /** Works until the signal. The informers it has asked for are run by the assembly. */
  run(signal: AbortSignal): Promise<void>;
}

/** One source of wake-ups. Keys are "namespace/name", or "name". */
export interface Watch {
  subscribe(wake: (keys: readonly string[]) => void): () => void;
  whenSynced(signal: AbortSignal): Promise<void>;
}

/** Wakes for each change the keys that `keysOf` names; it sees the old state as well, so that whoever lost an object wakes, too. */
export function wakeOn<T extends ApiObject>(
  informer: Informer<T>,
  keysOf: (object: DeepReadonly<T>, event: InformerEvent<T>) => readonly string[],
): Watch {
  return {
    subscribe: (wake) =>
      informer.subscribe((event) => {
        wake(keysOf(event.object, event));
        if (event.type === "updated") wake(keysOf(event.old, event));
      }),
    whenSynced: (signal) => informer.whenSynced(signal),
  };
}

/** Wakes on being told so. */
export function createWaker(): Watch & { wake(key: string): void } {
  const wakers = new Set<(keys: readonly string[]) => void>();
  return {
    subscribe(wake) {
      wakers.add(wake);
      return () => void wakers.delete(wake);
    },
    whenSynced: () => Promise.resolve(),
    wake: (key) => wakers.forEach((wake) => wake([key])),
  };
}

export interface LoopOptions {
  readonly name: string;
  readonly concurrency?: number;
  readonly watches: readonly Watch[];
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult | void>;
}

export function createLoop(
  options: LoopOptions,
  ports: Pick<ControllerPorts, "clock" | "log" | "queueMetrics">,
): Controller {
  return {
    async run(signal) {
      const queue = createWorkQueue<string>(
        { name: options.name },
        { clock: ports.clock, metrics: ports.queueMetrics },
      );
      const reconciler = createReconciler(
        { name: options.name, concurrency: options.concurrency ?? 5, reconcile: options.reconcile },
        { queue, log: ports.log },
      );
      const unsubscribe = options.watches.map((watch) =>
        watch.subscribe((keys) => keys.forEach((key) => queue.add(key))),
      );
      try {
        await Promise.all(options.watches.map((watch) => watch.whenSynced(signal)));
        await reconciler.run(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        for (const stop of unsubscribe) stop();
        queue.shutDown();
      }
    },
  };
}

/** Recorders by component, made once each. */
export function createRecorders(
  ports: Omit<ControllerPorts, "events" | "informers" | "queueMetrics">,
): (component: string) => EventRecorder {
  const recorders = new Map<string, EventRecorder>();
  return (component) => {
    const recorder = recorders.get(component) ?? createEventRecorder({ component }, ports);
    recorders.set(component, recorder);
    return recorder;
  };
}
