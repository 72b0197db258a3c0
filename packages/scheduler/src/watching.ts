// Everything the scheduler follows, as one list: pods and nodes; services and owners (for spreading by default); disruption
// budgets (for preemption); storage (for pods with claims). Each change goes into the view and wakes those it may help.
import { replicaSets, statefulSets } from "@coxswain/api/apps/v1";
import {
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicationControllers,
  services,
} from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
} from "@coxswain/api/storage/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly, LabelSelector, ResourceDescriptor } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { InformerEvent, InformerPorts } from "@coxswain/controller";
import type { Clock } from "@coxswain/clock";
import type { ClusterEvent } from "./core/event.ts";
import type { GroupKind } from "./core/pod-groups.ts";
import { observeNode, observePod } from "./observe.ts";
import type { View } from "./observe.ts";

export interface Watching {
  /** Follows everything until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when everything has been listed. */
  whenSynced(signal: AbortSignal): Promise<void>;
  /**
   * Reads all pods once more: what the leader before us has bound last may not have reached our watch yet, and must count
   * before anything is given away.
   */
  catchUp(signal: AbortSignal): Promise<void>;
  /** What has not been listed yet. */
  missing(): readonly string[];
  /** Resolves when a claim or a volume has changed, or at the signal. */
  volumeChange(signal: AbortSignal): Promise<void>;
}

export interface WatchingPorts extends InformerPorts {
  readonly client: Pick<Client, "resource">;
  readonly clock: Clock;
  /** Cuts from a pod what is not needed. */
  readonly slim: (pod: Pod) => Pod;
  /** Somebody may have been woken. */
  readonly nudge: () => void;
}

interface Followed {
  readonly resource: string;
  run(signal: AbortSignal): Promise<void>;
  synced(): boolean;
  whenSynced(signal: AbortSignal): Promise<void>;
}

/** Pause between tries to list. */
const retryMs = 1_000;

export function createWatching(view: View, ports: WatchingPorts): Watching {
  const { cluster, queue } = view;
  const { volumes } = cluster;
  const onlookers = new Set<() => void>();
  const now = (): number => ports.clock.now();
  const wake = (event: ClusterEvent): void => {
    if (queue.wake(event, now()) > 0) ports.nudge();
  };

  const follow = <T extends ApiObject>(
    descriptor: ResourceDescriptor<T>,
    tell: (object: DeepReadonly<T> | undefined, key: string, event: InformerEvent<T>) => void,
    cut: (object: T) => T = withoutManagedFields,
  ): Followed => {
    const informer = createInformer(ports.client.resource(descriptor), { transform: cut }, ports);
    informer.subscribe((event) =>
      tell(event.type === "deleted" ? undefined : event.object, objectKey(event.object), event),
    );
    const { run, synced, whenSynced } = informer;
    return { resource: descriptor.resource, run, synced, whenSynced };
  };
  const group = <T extends ApiObject & { readonly spec?: { readonly selector?: unknown } | undefined }>(
    descriptor: ResourceDescriptor<T>,
    kind: GroupKind,
    plain: boolean,
  ): Followed =>
    follow(descriptor, (object, _key, { object: { metadata } }) => {
      const selector = object?.spec?.selector as DeepReadonly<LabelSelector> | undefined;
      const found = plain && selector !== undefined ? { matchLabels: selector as Record<string, string> } : selector;
      cluster.groups.set(kind, metadata.namespace ?? "", metadata.name, found);
    });
  const storageChanged = (): void => {
    for (const tell of [...onlookers]) tell();
  };

  const followed: readonly Followed[] = [
    follow(nodes, (_object, _key, event) => {
      observeNode(view, event, now());
      ports.nudge();
    }),
    follow(
      pods,
      (_object, _key, event) => {
        observePod(view, event, now());
        ports.nudge();
      },
      ports.slim,
    ),
    follow(namespaces, (object, key) =>
      cluster.setNamespace(key, object === undefined ? undefined : (object.metadata.labels ?? {})),
    ),
    group(services, "Service", true),
    group(replicationControllers, "ReplicationController", true),
    group(replicaSets, "ReplicaSet", false),
    group(statefulSets, "StatefulSet", false),
    follow(podDisruptionBudgets, (object, key) => cluster.setBudget(key, object)),
    follow(persistentVolumeClaims, (object, key, event) => {
      volumes.setClaim(key, object);
      storageChanged();
      if (object !== undefined) wake({ type: "claim-changed", object, old: oldOf(event) });
    }),
    follow(persistentVolumes, (object, key, event) => {
      volumes.setVolume(key, object);
      storageChanged();
      if (object !== undefined) wake({ type: "volume-changed", object, old: oldOf(event) });
    }),
    follow(storageClasses, (object, key, event) => {
      volumes.setClass(key, object);
      if (object !== undefined) wake({ type: "storage-class-changed", object, old: oldOf(event) });
    }),
    follow(csiNodes, (object, key, event) => {
      volumes.setCsiNode(key, object);
      if (object !== undefined) wake({ type: "csi-node-changed", object, old: oldOf(event) });
    }),
    follow(csiDrivers, (object, key, event) => {
      volumes.setCsiDriver(key, object);
      if (object !== undefined) wake({ type: "csi-driver-changed", object, old: oldOf(event) });
    }),
    follow(csiStorageCapacities, (object, key, event) => {
      volumes.setCapacity(key, object);
      if (object !== undefined) wake({ type: "capacity-changed", object, old: oldOf(event) });
    }),
    follow(volumeAttachments, (object, key, event) => {
      volumes.setAttachment(key, object);
      if (object === undefined) wake({ type: "attachment-gone", driver: event.object.spec.attacher });
    }),
  ];

  return {
    run: async (signal) => {
      await Promise.all(followed.map((one) => one.run(signal)));
    },
    whenSynced: async (signal) => {
      await Promise.all(followed.map((one) => one.whenSynced(signal)));
    },
    async catchUp(signal) {
      while (!signal.aborted) {
        try {
          for (const pod of await boundPods(ports.client, signal)) catchUpWith(view, ports.slim(pod));
          return;
        } catch (err) {
          if (signal.aborted) return;
          ports.log.warn({ err: String(err) }, "the pods could not be listed before leading");
          await ports.clock.sleep(retryMs, signal).catch(() => undefined); // only the signal rejects
        }
      }
    },
    missing: () =>
      followed.filter((one) => !one.synced()).map(({ resource }) => `${resource} have not been listed yet`),
    volumeChange: (signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          onlookers.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        if (signal.aborted) return resolve();
        onlookers.add(done);
        signal.addEventListener("abort", done, { once: true });
      }),
  };
}

async function boundPods(client: Pick<Client, "resource">, signal: AbortSignal): Promise<readonly Pod[]> {
  const bound: Pod[] = [];
  let from: string | undefined;
  do {
    const page = await client.resource(pods).list({ limit: 1000, continue: from, signal });
    for (const pod of page.items) if ((pod.spec?.nodeName ?? "") !== "") bound.push(pod);
    from = page.metadata.continue === "" ? undefined : page.metadata.continue;
  } while (from !== undefined);
  return bound;
}

/** A pod that we take for unbound, or do not know, is bound; its event is still on the way. */
function catchUpWith({ cluster, queue }: View, pod: Pod): void {
  const key = objectKey(pod);
  if (cluster.nodeOf(key) === pod.spec?.nodeName) return;
  queue.remove(key);
  cluster.setPod(pod);
}

function oldOf<T>(event: InformerEvent<T>): DeepReadonly<T> | undefined {
  return event.type === "updated" ? event.old : undefined;
}

function withoutManagedFields<T extends ApiObject>(object: T): T {
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  return object;
}
