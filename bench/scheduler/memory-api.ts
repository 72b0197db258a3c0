// An API server in memory, as fast as can be: lists, watches, creates, bindings, deletions, patches of status. It copies and
// checks nothing, so that what is measured is the scheduler with its informers, and not the server.
import { statuses, StatusError } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor, WatchEvent } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { Client, ResourceClient } from "@coxswain/client";

export interface MemoryApi {
  readonly client: Client;
  create<T extends ApiObject>(descriptor: ResourceDescriptor<T>, object: T): void;
  /** Tells the watchers of a new object and keeps nothing of it. */
  watchOnly<T extends ApiObject>(descriptor: ResourceDescriptor<T>, object: T): void;
  /** Pods that have been bound. */
  readonly bound: number;
  /** Told of every binding. */
  onBound: (pod: Pod) => void;
  readonly counts: { events: number; patches: number; deletions: number };
}

interface Collection {
  readonly objects: Map<string, ApiObject>;
  readonly watchers: Set<(event: WatchEvent<ApiObject>) => void>;
}

export function createMemoryApi(): MemoryApi {
  const collections = new Map<string, Collection>();
  const counts = { events: 0, patches: 0, deletions: 0 };
  let version = 1;
  let bound = 0;

  const collection = ({ group, resource }: { group: string; resource: string }): Collection => {
    const key = `${group}/${resource}`;
    const known = collections.get(key);
    if (known !== undefined) return known;
    const made: Collection = { objects: new Map(), watchers: new Set() };
    collections.set(key, made);
    return made;
  };
  const keyOf = (ref: { namespace?: string | undefined; name: string }): string => `${ref.namespace ?? ""}/${ref.name}`;
  const commit = (d: ResourceDescriptor, type: "ADDED" | "MODIFIED" | "DELETED", object: ApiObject): void => {
    const { objects, watchers } = collection(d);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
    if (type === "DELETED") objects.delete(keyOf(object.metadata));
    else objects.set(keyOf(object.metadata), stored);
    for (const tell of watchers) tell({ type, object: stored });
  };
  const existing = (d: ResourceDescriptor, ref: { namespace?: string | undefined; name: string }): ApiObject => {
    const object = collection(d).objects.get(keyOf(ref));
    if (object === undefined) throw new StatusError(statuses.notFound(d, ref.name));
    return object;
  };

  async function* watch(d: ResourceDescriptor, signal: AbortSignal): AsyncGenerator<WatchEvent<ApiObject>> {
    const { watchers } = collection(d);
    let queue: WatchEvent<ApiObject>[] = [];
    let wake = (): void => {};
    const tell = (event: WatchEvent<ApiObject>): void => {
      queue.push(event);
      wake();
    };
    watchers.add(tell);
    signal.addEventListener("abort", () => wake(), { once: true });
    while (!signal.aborted) {
      const events = queue;
      queue = [];
      yield* events;
      if (queue.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
    watchers.delete(tell);
  }

  const api: MemoryApi = {
    counts,
    onBound: () => {},
    get bound() {
      return bound;
    },
    create: (d, object) => commit(d, "ADDED", object),
    watchOnly: (d, object) => {
      const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
      for (const tell of collection(d).watchers) tell({ type: "ADDED", object: stored });
    },
    client: { resource: (d: ResourceDescriptor) => resource(d) } as Partial<Client> as Client,
  };

  const resource = (d: ResourceDescriptor): Partial<ResourceClient<ApiObject>> => ({
    descriptor: d,
    get: async (ref) => existing(d, ref),
    list: async () => ({
      apiVersion: "v1",
      kind: `${d.kind}List`,
      metadata: { resourceVersion: String(version) },
      items: [...collection(d).objects.values()],
    }),
    watch: ({ signal }) => watch(d, signal),
    create: async (object: ApiObject) => {
      counts.events++;
      return object;
    },
    patch: async (ref, patch) => {
      counts.patches++;
      const found = existing(d, ref);
      if (d.resource === "pods") {
        const { status } = patch as { status: object };
        const patched: Pod = { ...(found as Pod), status: { ...(found as Pod).status, ...status } };
        commit(d, "MODIFIED", patched);
      }
      return found;
    },
    delete: async (ref) => {
      counts.deletions++;
      commit(d, "DELETED", existing(d, ref));
    },
    createSubresource: async <R>(
      ref: { namespace?: string | undefined; name: string },
      _name: string,
      body: unknown,
    ) => {
      const pod = existing(d, ref) as Pod;
      const { name: nodeName } = (body as { target: { name: string } }).target;
      const placed = { ...pod, spec: { containers: [], ...pod.spec, nodeName } };
      commit(d, "MODIFIED", placed);
      bound++;
      api.onBound(placed);
      return body as R;
    },
  });
  return api;
}
