// Follows every kind that can be deleted and feeds the graph: through the informer of another controller where there is one, otherwise by
// metadata only. Kinds come and go (CRDs): what the server offers is asked for again and again.
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { qualifiedName } from "@coxswain/apimachinery";
import { createInformer } from "@coxswain/controller";
import type { InformerEvent } from "@coxswain/controller";
import type { ControllerPorts } from "../../loop/controller.ts";

export interface Monitors {
  /** Follows until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when all kinds that were there at the start have been listed. */
  whenSynced(signal: AbortSignal): Promise<void>;
  /** The resource behind an owner reference; undefined when no such kind is followed. */
  descriptorOf(apiVersion: string, kind: string): ResourceDescriptor | undefined;
}

const rediscoverMs = 30_000;
/** Never owned, never owning, and many. */
const ignored = new Set(["events", "events.events.k8s.io"]);

export function createMonitors(
  ports: ControllerPorts,
  observe: (event: InformerEvent<ApiObject>, descriptor: ResourceDescriptor) => void,
): Monitors {
  const { client, clock, random, log } = ports;
  interface Monitor {
    readonly descriptor: ResourceDescriptor;
    readonly stop: AbortController;
    readonly running: Promise<void>;
    readonly whenSynced: (signal: AbortSignal) => Promise<void>;
  }
  const monitors = new Map<string, Monitor>();
  const started = Promise.withResolvers<void>();

  const follow = (descriptor: ResourceDescriptor, signal: AbortSignal): Monitor => {
    const shared = ports.informers.following(descriptor);
    const stop = new AbortController();
    if (shared !== undefined) {
      const leave = shared.subscribe((event) => observe(event, descriptor));
      stop.signal.addEventListener("abort", leave, { once: true });
      return { descriptor, stop, running: Promise.resolve(), whenSynced: shared.whenSynced };
    }
    const apiVersion = descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`;
    const transform = (object: ApiObject): ApiObject => skeleton(object, apiVersion, descriptor.kind);
    const informer = createInformer(client.metadata(descriptor), { transform }, { clock, random, log });
    informer.subscribe((event) => observe(event, descriptor));
    return {
      descriptor,
      stop,
      running: informer.run(AbortSignal.any([signal, stop.signal])),
      whenSynced: informer.whenSynced,
    };
  };

  const refresh = async (signal: AbortSignal): Promise<void> => {
    const { resources, failures } = await client.discover(signal);
    const wanted = new Map<string, ResourceDescriptor>();
    for (const { descriptor, verbs, preferred } of resources) {
      const name = qualifiedName(descriptor.resource, descriptor.group);
      if (preferred && !ignored.has(name) && ["list", "watch", "delete"].every((verb) => verbs.includes(verb)))
        wanted.set(name, descriptor);
    }
    for (const [name, descriptor] of wanted) if (!monitors.has(name)) monitors.set(name, follow(descriptor, signal));
    // While a group cannot be read, its kinds may still be there.
    if (failures.length > 0) return;
    for (const [name, monitor] of monitors) {
      if (wanted.has(name)) continue;
      monitor.stop.abort();
      monitors.delete(name);
      await monitor.running;
    }
  };

  return {
    async run(signal) {
      while (!signal.aborted) {
        try {
          await refresh(signal);
          started.resolve();
        } catch (error) {
          if (!signal.aborted) log.warn({ controller: "garbage-collector", err: String(error) }, "discovery failed");
        }
        await clock.sleep(monitors.size === 0 ? 1_000 : rediscoverMs, signal).catch(() => undefined); // only the signal rejects
      }
      started.resolve(); // whoever still waits for the first discovery looks at the signal
      await Promise.all([...monitors.values()].map((monitor) => monitor.running));
    },
    async whenSynced(signal) {
      await started.promise;
      signal.throwIfAborted();
      await Promise.all([...monitors.values()].map((monitor) => monitor.whenSynced(signal)));
    },
    descriptorOf(apiVersion, kind) {
      const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
      for (const { descriptor } of monitors.values())
        if (descriptor.kind === kind && descriptor.group === group) return descriptor;
      return undefined;
    },
  };
}

/** What the graph needs of an object, and no more: there may be a hundred thousand. */
function skeleton(object: ApiObject, apiVersion: string, kind: string): ApiObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp },
  };
}
