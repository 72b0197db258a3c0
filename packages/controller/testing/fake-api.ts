// An API server in memory behind the client's port: resource versions, conflicts, finalizers, status, generateName, watches;
// and the faults of a real one: watches that drop, events that come late or twice, history that is gone. Not served here:
// validation, defaults, field selectors other than metadata.name and spec.nodeName, patches other than merge patches.
import { objectKey, statuses, StatusError } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly, ResourceDescriptor, WatchEvent } from "@coxswain/apimachinery";
import type { Client, Discovery, ListOptions, ResourceClient, WatchOptions } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import { deleted, heldNamespace, isGone, isNamespace, named, part, patched, updated } from "./writing.ts";

export interface Faults {
  /** Chance that an event is sent twice. */
  repeat: number;
  /** Chance that a watch is cut before an event is sent. */
  drop: number;
  /** Events reach watchers this much later. */
  delayMs: number;
  /** Each watch adds up to this much to each event: what happened in one order to two kinds is seen in another. Within a watch order holds. */
  jitterMs: number;
  /** Chance that an event of long ago is sent again before an event. */
  late: number;
  /** Called before every write; throwing makes it fail without effect. */
  beforeWrite: (verb: string, descriptor: ResourceDescriptor, object: string) => void;
  /** Called after every write; throwing makes it seem to fail although it was carried out. */
  afterWrite: (verb: string, descriptor: ResourceDescriptor, object: string) => void;
}

export interface FakeApi {
  readonly client: Client;
  readonly faults: Faults;
  resource<T extends ApiObject>(descriptor: ResourceDescriptor<T>): ResourceClient<T>;
  /** What is stored, by key. */
  all<T extends ApiObject>(descriptor: ResourceDescriptor<T>): T[];
  /** Removes at once, whatever the finalizers and the grace, as a node agent or etcdctl would. */
  remove(descriptor: ResourceDescriptor, key: string): void;
  /** Ends every open watch; those who come back with an old version are told 410 Gone. */
  loseHistory(): void;
  /** Ends every open watch; those who come back miss nothing. */
  dropWatches(): void;
  /** "create pods default/web-1" … in order. */
  readonly writes: string[];
  /** What GET on a path is answered with, for APIs that are no collections of objects; paths without an entry are not found. */
  readonly answers: Map<string, unknown>;
}

interface Stored {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
  readonly version: number;
  readonly atMs: number;
}

export function createFakeApi(
  ports: { readonly clock: Clock; readonly random: Random },
  options: { readonly graceful?: boolean } = {},
): FakeApi {
  const { clock, random } = ports;
  const collections = new Map<
    string,
    { readonly descriptor: ResourceDescriptor; readonly objects: Map<string, ApiObject> }
  >();
  /** By collection, in order. */
  const histories = new Map<string, Stored[]>();
  const writes: string[] = [];
  const answers = new Map<string, unknown>();
  const watchers = new Map<string, Set<() => void>>();
  const faults: Faults = {
    repeat: 0,
    drop: 0,
    delayMs: 0,
    jitterMs: 0,
    late: 0,
    beforeWrite: () => {},
    afterWrite: () => {},
  };
  let version = 1;
  let oldest = 0;
  /** Bumped to end all open watches. */
  let epoch = 0;

  const idOf = (d: ResourceDescriptor): string => `${d.group}/${d.resource}`;
  const collection = (d: ResourceDescriptor): Map<string, ApiObject> => {
    const known = collections.get(idOf(d));
    if (known) return known.objects;
    const objects = new Map<string, ApiObject>();
    collections.set(idOf(d), { descriptor: d, objects });
    return objects;
  };
  const historyOf = (d: ResourceDescriptor): Stored[] => {
    const known = histories.get(idOf(d)) ?? [];
    histories.set(idOf(d), known);
    return known;
  };
  const wake = (id: string): void => {
    // Those who begin to watch meanwhile wait for the next change.
    for (const watcher of Array.from(watchers.get(id) ?? [])) watcher();
  };
  const endWatches = (): void => {
    epoch++;
    for (const id of watchers.keys()) wake(id);
  };
  const commit = (d: ResourceDescriptor, type: Stored["type"], object: ApiObject): ApiObject => {
    version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type === "DELETED") collection(d).delete(objectKey(stored));
    else collection(d).set(objectKey(stored), stored);
    historyOf(d).push({ type, object: stored, version, atMs: clock.monotonic() });
    queueMicrotask(() => wake(idOf(d)));
    return stored;
  };
  const write = <R>(verb: string, d: ResourceDescriptor, key: string, act: () => R): R => {
    faults.beforeWrite(verb, d, key);
    const result = act();
    writes.push(`${verb} ${d.resource} ${key}`);
    faults.afterWrite(verb, d, key);
    return structuredClone(result);
  };
  const existing = (d: ResourceDescriptor, key: string): ApiObject => {
    const object = collection(d).get(key);
    if (object === undefined) throw new StatusError(statuses.notFound(named(d), key.split("/").at(-1) ?? key));
    return object;
  };
  const refKey = (
    d: ResourceDescriptor,
    ref: { readonly namespace?: string | undefined; readonly name: string },
  ): string => (d.namespaced ? `${ref.namespace ?? "default"}/${ref.name}` : ref.name);

  const store = (d: ResourceDescriptor, old: ApiObject, next: ApiObject): ApiObject => {
    if (isGone(d, next, options.graceful === true)) return commit(d, "DELETED", next);
    const same = (a: ApiObject): string => JSON.stringify({ ...a, metadata: { ...a.metadata, resourceVersion: "" } });
    return same(old) === same(next) ? old : commit(d, "MODIFIED", next);
  };
  /** Nothing new in a namespace that goes or has gone. One that never was is let pass: most tests have none. */
  const refuseInEnded = (d: ResourceDescriptor, { metadata: { namespace = "", name } }: ApiObject): void => {
    const last = histories.get("/namespaces")?.findLast(({ object }) => object.metadata.name === namespace);
    if (!d.namespaced || last === undefined) return;
    if (last.type === "DELETED")
      throw new StatusError(statuses.notFound({ group: "", resource: "namespaces" }, namespace));
    if (last.object.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw new StatusError(statuses.forbidden(named(d), name, why));
  };

  const matches = (object: ApiObject, o: ListOptions | WatchOptions): boolean => {
    if (o.namespace !== undefined && object.metadata.namespace !== o.namespace) return false;
    for (const term of o.fieldSelector?.split(",") ?? []) {
      const [path = "", value] = term.split("=");
      if (String(read(object, path.split(".")) ?? "") !== value) return false;
    }
    for (const term of o.labelSelector?.split(",") ?? []) {
      const [label = "", value] = term.split("=");
      if (
        value === undefined ? object.metadata.labels?.[label] === undefined : object.metadata.labels?.[label] !== value
      )
        return false;
    }
    return true;
  };

  const nextChange = (id: string, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const waiting = watchers.get(id) ?? new Set();
      watchers.set(id, waiting);
      const done = (): void => {
        waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });

  async function* watch<T extends ApiObject>(d: ResourceDescriptor<T>, o: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const from = Number(o.resourceVersion ?? version);
    const mine = epoch;
    const history = historyOf(d);
    if (from < oldest) throw new StatusError(statuses.expired(`too old resource version: ${from} (${oldest})`));
    let cursor = history.findIndex((entry) => entry.version > from);
    if (cursor === -1) cursor = history.length;
    let dueMs: number | undefined;
    while (!o.signal.aborted && epoch === mine) {
      const entry = history[cursor];
      if (entry === undefined) {
        await nextChange(idOf(d), o.signal);
        continue;
      }
      if (matches(entry.object, o)) {
        dueMs ??= entry.atMs + faults.delayMs + (faults.jitterMs > 0 ? random.int(faults.jitterMs) : 0);
        const waitMs = dueMs - clock.monotonic();
        if (waitMs > 0) {
          const timer = clock.setTimeout(() => wake(idOf(d)), waitMs);
          await nextChange(idOf(d), o.signal);
          timer.cancel();
          continue;
        }
        dueMs = undefined;
      }
      cursor++;
      if (!matches(entry.object, o)) continue;
      if (faults.late > 0 && random.next() < faults.late) {
        const past = history.slice(0, cursor).filter((one) => matches(one.object, o));
        const again = past[random.int(past.length)];
        if (again) yield { type: again.type, object: structuredClone(again.object) as T };
      }
      if (faults.drop > 0 && random.next() < faults.drop) return;
      const event = { type: entry.type, object: structuredClone(entry.object) as T };
      yield event;
      if (faults.repeat > 0 && random.next() < faults.repeat) yield structuredClone(event);
    }
  }

  const resource = <T extends ApiObject>(d: ResourceDescriptor<T>): ResourceClient<T> => ({
    descriptor: d,
    get: async (ref) => structuredClone(existing(d, refKey(d, ref))) as T,
    list: async (o = {}) => ({
      apiVersion: "v1",
      kind: `${d.kind}List`,
      metadata: { resourceVersion: String(version) },
      items: [...collection(d).values()]
        .filter((object) => matches(object, o))
        .map((object) => structuredClone(object) as T),
    }),
    watch: (o) => watch(d, o),
    create: async (object, o) => {
      const base = structuredClone(object) as T;
      const name = base.metadata.name || `${base.metadata.generateName ?? ""}${random.suffix(5)}`;
      const namespace = d.namespaced ? (o?.namespace ?? base.metadata.namespace ?? "default") : undefined;
      const metadata = {
        ...base.metadata,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        uid: random.uuid(),
        generation: 1,
        creationTimestamp: rfc3339(clock.now()),
      };
      const made: ApiObject = {
        ...base,
        apiVersion: d.group === "" ? d.version : `${d.group}/${d.version}`,
        kind: d.kind,
        metadata,
      };
      return write("create", d, objectKey(made), () => {
        refuseInEnded(d, made);
        if (collection(d).has(objectKey(made))) throw new StatusError(statuses.alreadyExists(named(d), name));
        return commit(d, "ADDED", isNamespace(d) ? heldNamespace(made) : made) as T;
      });
    },
    update: async (object, o) => {
      const next = structuredClone(object) as ApiObject;
      const verb = o?.subresource ? `update/${o.subresource}` : "update";
      return write(verb, d, refKey(d, next.metadata), () => {
        const old = existing(d, refKey(d, next.metadata));
        return store(d, old, updated(d, old, next, o?.subresource)) as T;
      });
    },
    patch: async (ref, patch, o) => {
      const verb = o.subresource ? `patch/${o.subresource}` : "patch";
      return write(verb, d, refKey(d, ref), () => {
        const old = existing(d, refKey(d, ref));
        return store(d, old, patched(d, old, patch, o.subresource)) as T;
      });
    },
    delete: async (ref, o = {}) => {
      write("delete", d, refKey(d, ref), () => {
        const old = existing(d, refKey(d, ref));
        return store(d, old, deleted(d, old, o, rfc3339(clock.now())));
      });
    },
    deleteCollection: async (o) => {
      for (const object of [...collection(d).values()].filter((candidate) => matches(candidate, o))) {
        await resource(d).delete({ namespace: object.metadata.namespace, name: object.metadata.name });
      }
    },
    getSubresource: async <R>(ref: Parameters<ResourceClient<T>["get"]>[0], name: string) => {
      if (name !== "scale") throw new StatusError(statuses.pathNotFound());
      return scaleOf(existing(d, refKey(d, ref))) as R;
    },
    createSubresource: () => Promise.reject(new StatusError(statuses.pathNotFound())),
  });

  const discover = async (): Promise<Discovery> => ({
    resources: [...collections.values()].map(({ descriptor }) => ({
      descriptor,
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: [],
      categories: [],
      preferred: true,
    })),
    failures: [],
  });
  const absent = (): Promise<never> => Promise.reject(new StatusError(statuses.pathNotFound()));

  const answer: Client["request"] = async ({ method, path }) => {
    const body = method === "GET" ? answers.get(path) : undefined;
    const text = JSON.stringify(body ?? statuses.pathNotFound());
    return {
      status: body === undefined ? 404 : 200,
      headers: {},
      body: Buffer.from(text),
      text: () => text,
      json: () => JSON.parse(text) as unknown,
    };
  };

  return {
    faults,
    writes,
    answers,
    resource,
    client: {
      resource,
      metadata: resource,
      discover,
      request: answer,
      stream: absent,
      connect: absent,
      upgrade: absent,
      logs: () => ({ [Symbol.asyncIterator]: () => ({ next: absent }) }),
      server: () => "memory:",
      namespace: "default",
      close: () => Promise.resolve(),
    },
    all: <T extends ApiObject>(d: ResourceDescriptor<T>) =>
      [...collection(d).values()] as DeepReadonly<ApiObject>[] as T[],
    remove(d, key) {
      commit(d, "DELETED", existing(d, key));
    },
    loseHistory() {
      oldest = ++version;
      endWatches();
    },
    dropWatches() {
      endWatches();
    },
  };
}

/** What the scale of an object shows; its selector is that of matchLabels alone. */
function scaleOf(object: ApiObject): unknown {
  const labels = Object.entries(
    (part(object, "spec")["selector"] as { readonly matchLabels?: object } | undefined)?.matchLabels ?? {},
  );
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { ...object.metadata },
    spec: { replicas: part(object, "spec")["replicas"] },
    status: {
      replicas: read(object, ["status", "replicas"]) ?? 0,
      selector: labels.map(([key, value]) => `${key}=${String(value)}`).join(","),
    },
  };
}

function read(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, part) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[part] : undefined),
    value,
  );
}
