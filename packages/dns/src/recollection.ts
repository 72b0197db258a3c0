// What questions are answered from: the followed collections once they are all read, before that what the memory file
// says. Writes the file when something has changed.
import type { Namespace, Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { Clock } from "@coxswain/clock";
import type { Informer } from "@coxswain/controller";
import type { Logger } from "@coxswain/daemon";
import { viewOfMemory } from "./core/memory.ts";
import type { ClusterView } from "./core/zone.ts";
import { createMemoryFile } from "./io/memory-file.ts";

/** The followed collections. */
export interface Followed {
  readonly namespaces: Pick<Informer<Namespace>, "list" | "subscribe">;
  readonly services: Pick<Informer<Service>, "list" | "subscribe">;
  readonly slices: Pick<Informer<EndpointSlice>, "list" | "subscribe">;
}

export interface Recollection {
  readonly view: ClusterView;
  /** Whether the view is of anything. */
  knows(): boolean;
  load(): Promise<void>;
  /** Writes down what has changed, until the signal and once after it; then resolves. */
  keep(signal: AbortSignal): Promise<void>;
}

const saveEveryMs = 10_000;

export function createRecollection(
  config: { readonly path: string; readonly maxAgeMs: number },
  followed: Followed,
  synced: () => boolean,
  live: ClusterView,
  ports: { readonly clock: Clock; readonly log: Logger },
): Recollection {
  const { clock, log } = ports;
  const file = config.path === "" ? undefined : createMemoryFile(config, ports);
  let remembered: ClusterView | undefined;
  let changed = false;
  let savedAt = -Infinity;
  const current = (): ClusterView => {
    if (remembered && synced()) remembered = undefined;
    return remembered ?? live;
  };
  const save = async (): Promise<void> => {
    // What does not change is confirmed before it looks too old.
    const confirm = clock.monotonic() - savedAt > config.maxAgeMs / 4;
    if (!(changed || confirm) || !synced()) return;
    changed = false;
    savedAt = clock.monotonic();
    await file?.save({
      format: 1,
      savedAt: clock.now(),
      namespaces: followed.namespaces.list().map(({ metadata }) => metadata.name ?? ""),
      services: followed.services.list(),
      slices: followed.slices.list(),
    });
  };
  const saveOrSay = (): Promise<void> =>
    save().catch((err: unknown) => {
      changed = true;
      log.error({ err, path: config.path }, "what is known of the cluster cannot be written down");
    });

  return {
    view: {
      hasNamespace: (name) => current().hasNamespace(name),
      service: (namespace, name) => current().service(namespace, name),
      slicesOf: (namespace, service) => current().slicesOf(namespace, service),
      servicesAt: (address) => current().servicesAt(address),
      slicesAt: (address) => current().slicesAt(address),
    },
    knows: () => synced() || remembered !== undefined,
    async load() {
      const memory = await file?.load();
      if (!memory) return;
      remembered = viewOfMemory(memory);
      log.info({ savedAt: memory.savedAt }, "answering from what was known until the API server is heard");
    },
    async keep(signal) {
      if (!file) return;
      for (const collection of Object.values(followed)) collection.subscribe(() => (changed = true));
      while (!signal.aborted) {
        await clock.sleep(saveEveryMs, signal).catch(() => undefined);
        await saveOrSay();
      }
    },
  };
}
