// Remembers what a controller itself has written and its informer has not shown yet. Kubernetes counts expectations, with a
// timeout after which it guesses; here each write is known by what it made (a resource version, a UID), so that "has my cache
// caught up with me?" has an exact answer and needs no timeout: a cache that has seen a version cannot unsee it, and one that
// starts anew starts with a consistent list.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Informer } from "./informer/informer.ts";
import { isAtLeast } from "./resource-version.ts";

export interface OwnWrites<T extends ApiObject> {
  /** After a create, update or patch made on behalf of `owner`: the object as the server returned it. */
  wrote(owner: string, object: DeepReadonly<T>): void;
  /** After a delete. */
  deleted(owner: string, object: DeepReadonly<T>): void;
  /** Whether the cache shows every write made on behalf of `owner`. When it does not, the change that makes it so wakes the owner. */
  areSeen(owner: string): boolean;
}

type Pending =
  | { readonly kind: "version"; readonly resourceVersion: string }
  | { readonly kind: "gone"; readonly key: string; readonly uid: string };

export function createOwnWrites<T extends ApiObject>(
  informer: Pick<Informer<T>, "get" | "resourceVersion">,
): OwnWrites<T> {
  const pending = new Map<string, Pending[]>();

  const isSeen = (write: Pending): boolean => {
    if (write.kind === "version") return isAtLeast(informer.resourceVersion(), write.resourceVersion) !== false;
    const cached = informer.get(write.key);
    return cached === undefined || cached.metadata.uid !== write.uid || cached.metadata.deletionTimestamp !== undefined;
  };
  const remember = (owner: string, write: Pending): void => {
    const writes = pending.get(owner);
    if (writes === undefined) pending.set(owner, [write]);
    else writes.push(write);
  };

  return {
    wrote(owner, object) {
      remember(owner, { kind: "version", resourceVersion: object.metadata.resourceVersion ?? "" });
    },
    deleted(owner, object) {
      const { namespace, name, uid } = object.metadata;
      remember(owner, { kind: "gone", key: namespace ? `${namespace}/${name}` : name, uid: uid ?? "" });
    },
    areSeen(owner) {
      const left = pending.get(owner)?.filter((write) => !isSeen(write)) ?? [];
      if (left.length === 0) pending.delete(owner);
      else pending.set(owner, left);
      return left.length === 0;
    },
  };
}
