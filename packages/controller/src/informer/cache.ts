// An indexed copy of a collection. Changes it when told; knows neither the network nor who listens. What it hands out is
// shared by everybody and must not be changed, which DeepReadonly makes the compiler say.
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

export type Indexers<T> = Readonly<Record<string, (object: DeepReadonly<T>) => readonly string[]>>;

export interface Cache<T extends ApiObject> {
  get(key: string): DeepReadonly<T> | undefined;
  list(): readonly DeepReadonly<T>[];
  byIndex(index: string, value: string): readonly DeepReadonly<T>[];
  size(): number;
  /** Returns what stood there before. */
  put(object: DeepReadonly<T>): DeepReadonly<T> | undefined;
  remove(key: string): DeepReadonly<T> | undefined;
}

export function createCache<T extends ApiObject>(indexers: Indexers<T>): Cache<T> {
  const objects = new Map<string, DeepReadonly<T>>();
  /** index → value → keys. A value without keys is removed, so that what comes and goes leaves nothing. */
  const indexes = new Map<string, Map<string, Set<string>>>();
  for (const name of Object.keys(indexers)) indexes.set(name, new Map());

  const unindex = (key: string, object: DeepReadonly<T>): void => {
    for (const [name, values] of indexes) {
      for (const value of indexers[name]?.(object) ?? []) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
    }
  };

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    size: () => objects.size,
    byIndex(index, value) {
      const values = indexes.get(index);
      if (values === undefined)
        throw new TypeError(`expected one of the indexes ${[...indexes.keys()].join(", ")}, found ${index}`);
      return [...(values.get(value) ?? [])].map((key) => objects.get(key)).filter((object) => object !== undefined);
    },
    put(object) {
      const key = objectKey(object);
      const old = objects.get(key);
      if (old !== undefined) unindex(key, old);
      objects.set(key, object);
      for (const [name, values] of indexes) {
        for (const value of indexers[name]?.(object) ?? []) {
          const keys = values.get(value);
          if (keys === undefined) values.set(value, new Set([key]));
          else keys.add(key);
        }
      }
      return old;
    },
    remove(key) {
      const old = objects.get(key);
      if (old === undefined) return undefined;
      unindex(key, old);
      objects.delete(key);
      return old;
    },
  };
}
