// The server's own eyes and hands on its objects: views over the watch caches for authorization and admission, and writes
// without admission for bootstrap and repair (ObjectWriter in `core/request.ts`).
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import { decodeStored, encodeForStore } from "../../core/registry/encoding.ts";
import type { Kind, Kinds } from "../../core/registry/kind.ts";
import { namespacePrefix, objectKeyIn } from "../../core/registry/keys.ts";
import { mayVanish } from "../../core/registry/strategy.ts";
import type { GroupResource, ObjectView, ObjectWriter } from "../../core/request.ts";
import type { Storage } from "../../core/storage.ts";
import { prefixEnd } from "../../core/storage.ts";
import type { Entry } from "../../core/watch-cache/entry.ts";
import { decodeEntry } from "../../core/watch-cache/entry.ts";
import type { Feed } from "./feed.ts";

export interface ObjectsPorts {
  readonly kinds: Kinds;
  readonly storage: Storage;
  readonly feed: (kind: Kind) => Feed;
  readonly clock: Clock;
  readonly random: Random;
}

export function createObjects(ports: ObjectsPorts): ObjectWriter {
  const { kinds, storage, clock, random } = ports;
  const views = new Map<string, ObjectView>();
  const kindOf = (of: GroupResource): Kind => {
    const kind = kinds.stored(of);
    if (!kind) throw new Error(`no resource ${of.resource} in group ${JSON.stringify(of.group)}`);
    return kind;
  };
  const keyOf = (kind: Kind, namespace: string, name: string): string =>
    objectKeyIn(kind.prefix, kind.namespaced ? namespace : "", name);

  return {
    view(of) {
      const kind = kindOf(of);
      const name = `${of.group}/${of.resource}`;
      let view = views.get(name);
      if (!view) views.set(name, (view = createView(kind, ports.feed(kind))));
      return view;
    },
    async read(of, namespace, name) {
      const kind = kindOf(of);
      const { value } = await storage.get(keyOf(kind, namespace, name));
      return value && decodeStored(value.value, value.revision);
    },
    async readAll(of, namespace) {
      const prefix = namespacePrefix(kindOf(of).prefix, namespace);
      const page = await storage.page({ from: prefix, to: prefixEnd(prefix), limit: 0 });
      return page.values.map((value) => decodeStored(value.value, value.revision));
    },
    async createIfAbsent(of, given) {
      const kind = kindOf(of);
      const object = structuredClone(given);
      object.kind = kind.kind;
      object.apiVersion = kind.apiVersion;
      object.metadata.uid = random.uuid();
      object.metadata.creationTimestamp = rfc3339(clock.now());
      kind.rules.setDefaults(object);
      kind.strategy.prepareForCreate?.(object, { nowMs: clock.now(), subresource: "" });
      if (kind.strategy.countsGenerations) object.metadata.generation = 1;
      const outcome = await storage.create(
        keyOf(kind, object.metadata.namespace ?? "", object.metadata.name),
        encodeForStore(object),
      );
      return outcome.kind === "written";
    },
    async update(of, namespace, name, change) {
      const kind = kindOf(of);
      const key = keyOf(kind, namespace, name);
      let current = (await storage.get(key)).value;
      while (current) {
        const next = change(decodeStored(current.value, current.revision));
        if (!next) return;
        const outcome = mayVanish(kind.strategy, next)
          ? await storage.remove(key, current.revision)
          : await storage.replace(key, encodeForStore(next), current.revision, kind.strategy.ttlSeconds);
        if (outcome.kind === "written") return;
        current = outcome.current;
      }
    },
    async remove(of, namespace, name, isIt = () => true) {
      const key = keyOf(kindOf(of), namespace, name);
      let current = (await storage.get(key)).value;
      while (current && isIt(decodeStored(current.value, current.revision))) {
        const outcome = await storage.remove(key, current.revision);
        if (outcome.kind === "written") return true;
        current = outcome.current;
      }
      return false;
    },
  };
}

/** Objects are decoded when first asked for and remembered for as long as their state is the current one. */
function createView(kind: Kind, feed: Feed): ObjectView {
  const { cache } = feed;
  const decoded = new WeakMap<Entry, ApiObject>();
  const objectOf = (entry: Entry): ApiObject => {
    let object = decoded.get(entry);
    if (!object) decoded.set(entry, (object = decodeEntry(entry)));
    return object;
  };
  let filled = cache.revision > 0;
  void feed.whenFilled().then(
    () => (filled = true),
    () => undefined,
  );
  return {
    async whenSynced(signal) {
      if (!signal) return feed.whenFilled();
      const aborted = Promise.withResolvers<never>();
      const abort = (): void => aborted.reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      await Promise.race([feed.whenFilled(), aborted.promise]).finally(() =>
        signal.removeEventListener("abort", abort),
      );
    },
    synced: () => filled,
    get(namespace, name) {
      const entry = cache.get(objectKeyIn(kind.prefix, kind.namespaced ? namespace : "", name));
      return entry && objectOf(entry);
    },
    *list(namespace = "") {
      for (const entry of cache.list(namespace)) yield objectOf(entry);
    },
    subscribe(listener) {
      const known = new Map<string, Entry>();
      const refill = (): void => {
        const before = new Map(known);
        known.clear();
        for (const entry of cache.list("")) {
          known.set(entry.key, entry);
          const old = before.get(entry.key);
          before.delete(entry.key);
          if (old !== entry) listener(lazily(old, entry, undefined));
        }
        for (const entry of before.values()) listener(lazily(entry, undefined, undefined));
      };
      if (cache.revision > 0) refill();
      else void feed.whenFilled().then(refill, () => undefined);
      return cache.listen({
        changed({ before, after }, object) {
          if (after) known.set(after.key, after);
          else if (before) known.delete(before.key);
          listener(lazily(before, after, object));
        },
        flush: () => undefined,
        interrupted: refill,
      });
    },
  };
}

/** Whoever follows all objects of a kind must not make all of them stay decoded. */
function lazily(
  before: Entry | undefined,
  after: Entry | undefined,
  decoded: ApiObject | undefined,
): { readonly old: ApiObject | undefined; readonly object: ApiObject | undefined } {
  return {
    get old() {
      return before && decodeEntry(before);
    },
    get object() {
      return after && (decoded ?? decodeEntry(after));
    },
  };
}
