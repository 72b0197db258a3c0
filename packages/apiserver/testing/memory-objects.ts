// Objects in memory behind the ports ObjectWriter and Storage, with the same promises about who wins. For tests of stages and plugins.
import type { ApiObject } from "@coxswain/apimachinery";
import type { GroupResource, ObjectView, ObjectWriter } from "../src/core/request.ts";
import type { Storage, StoredValue } from "../src/core/storage.ts";

export interface MemoryObjects extends ObjectWriter {
  /** As if a client had written it. */
  put(resource: string, object: ApiObject): void;
}

/** `resource` is "pods" or "roles.rbac.authorization.k8s.io". Each call of the asynchronous verbs takes `hops` turns of the event loop. */
export function createMemoryObjects(
  initial: Readonly<Record<string, readonly ApiObject[]>> = {},
  hops = 1,
): MemoryObjects {
  const tables = new Map<string, Table>();
  const table = ({ group, resource }: GroupResource): Table => {
    const key = group === "" ? resource : `${resource}.${group}`;
    let found = tables.get(key);
    if (found === undefined) tables.set(key, (found = createTable()));
    return found;
  };
  const pause = async (): Promise<void> => {
    for (let i = 0; i < hops; i++) await Promise.resolve();
  };
  let uids = 0;
  const objects: MemoryObjects = {
    put(resource, object) {
      const dot = resource.indexOf(".");
      table(
        dot < 0 ? { group: "", resource } : { group: resource.slice(dot + 1), resource: resource.slice(0, dot) },
      ).set(object);
    },
    view: (resource) => table(resource).view,
    async read(resource, namespace, name) {
      await pause();
      return table(resource).view.get(namespace, name);
    },
    async readAll(resource, namespace) {
      await pause();
      return [...table(resource).view.list(namespace === "" ? undefined : namespace)];
    },
    async createIfAbsent(resource, object) {
      await pause();
      if (table(resource).view.get(object.metadata.namespace ?? "", object.metadata.name) !== undefined) return false;
      table(resource).set({ ...object, metadata: { uid: `uid-${++uids}`, ...object.metadata } });
      return true;
    },
    async update(resource, namespace, name, change) {
      await pause();
      const found = table(resource).view.get(namespace, name);
      const next = found && change(found);
      if (next !== undefined) table(resource).set(next);
    },
    async remove(resource, namespace, name, isIt = () => true) {
      await pause();
      const held = table(resource).view.get(namespace, name);
      if (held === undefined || !isIt(held)) return false;
      table(resource).remove(namespace, name);
      return true;
    },
  };
  for (const [resource, list] of Object.entries(initial)) for (const object of list) objects.put(resource, object);
  return objects;
}

interface Table {
  readonly view: ObjectView;
  set(object: ApiObject): void;
  remove(namespace: string, name: string): void;
}

function createTable(): Table {
  const objects = new Map<string, ApiObject>();
  const listeners = new Set<Parameters<ObjectView["subscribe"]>[0]>();
  const tell = (old: ApiObject | undefined, object: ApiObject | undefined): void => {
    for (const listener of listeners) listener({ old, object });
  };
  const view: ObjectView = {
    whenSynced: () => Promise.resolve(),
    synced: () => true,
    get: (namespace, name) => objects.get(`${namespace}/${name}`),
    list: (namespace) =>
      [...objects.values()].filter((object) => namespace === undefined || object.metadata.namespace === namespace),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    view,
    set(object) {
      const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
      const old = objects.get(key);
      objects.set(key, object);
      tell(old, object);
    },
    remove(namespace, name) {
      const old = objects.get(`${namespace}/${name}`);
      if (old === undefined) return;
      objects.delete(`${namespace}/${name}`);
      tell(old, undefined);
    },
  };
}

/** The part of Storage that compares and sets single keys. */
export function createMemoryStorage(): Pick<Storage, "get" | "create" | "replace" | "remove"> {
  const values = new Map<string, StoredValue>();
  let revision = 0;
  return {
    async get(key) {
      await Promise.resolve();
      return { value: values.get(key), revision };
    },
    async create(key, value) {
      await Promise.resolve();
      if (values.has(key)) return { kind: "exists" };
      values.set(key, { key, value, revision: ++revision });
      return { kind: "written", revision };
    },
    async replace(key, value, expectedRevision) {
      await Promise.resolve();
      const current = values.get(key);
      if (current?.revision !== expectedRevision) return { kind: "changed", current };
      values.set(key, { key, value, revision: ++revision });
      return { kind: "written", revision };
    },
    async remove(key, expectedRevision) {
      await Promise.resolve();
      const current = values.get(key);
      if (current?.revision !== expectedRevision) return { kind: "changed", current };
      values.delete(key);
      return { kind: "written", revision: ++revision };
    },
  };
}
