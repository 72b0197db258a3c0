// Creates objects exactly once. Names are chosen by the caller: when an answer is lost the same name is sent again, and "already
// exists" then means that the first request had arrived. What could not be settled is remembered and settled before anything
// else is made for the same owner. A name chosen by the server could not be recognised.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isOutcomeUnknown } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";
import type { OwnWrites } from "@coxswain/controller";

export interface Creator<T extends ApiObject> {
  create(owner: string, object: DeepReadonly<T>, signal: AbortSignal): Promise<T>;
  /** Settles what an earlier attempt left open; true when there was something, so that the owner should be looked at anew. */
  settle(owner: string, signal: AbortSignal): Promise<boolean>;
}

const mostAttempts = 3;

export function createCreator<T extends ApiObject>(client: ResourceClient<T>, writes: OwnWrites<T>): Creator<T> {
  const open = new Map<string, Set<DeepReadonly<T>>>();

  const create = async (owner: string, object: DeepReadonly<T>, signal: AbortSignal, repeated: boolean): Promise<T> => {
    let mayExist = repeated;
    try {
      const made = await untilKnown(async () => {
        try {
          return await client.create(object, { signal });
        } catch (error) {
          const ours = mayExist && isAlreadyExists(error) ? await readOurs(client, object, signal) : undefined;
          if (ours !== undefined) return ours;
          mayExist ||= isOutcomeUnknown(error);
          throw error;
        }
      }, signal);
      writes.wrote(owner, made as DeepReadonly<T>);
      forget(owner, object);
      return made;
    } catch (error) {
      if (isOutcomeUnknown(error)) open.set(owner, (open.get(owner) ?? new Set()).add(object));
      else forget(owner, object);
      throw error;
    }
  };

  const forget = (owner: string, object: DeepReadonly<T>): void => {
    const left = open.get(owner);
    left?.delete(object);
    if (left?.size === 0) open.delete(owner);
  };

  return {
    create: (owner, object, signal) => create(owner, object, signal, false),
    async settle(owner, signal) {
      const left = [...(open.get(owner) ?? [])];
      for (const object of left) await create(owner, object, signal, true);
      return left.length > 0;
    },
  };
}

/** Repeats something that may be repeated while nobody can say whether it was carried out. */
export async function untilKnown<R>(act: () => Promise<R>, signal: AbortSignal): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt >= mostAttempts || signal.aborted || !isOutcomeUnknown(error)) throw error;
    }
  }
}

async function readOurs<T extends ApiObject>(
  client: ResourceClient<T>,
  object: DeepReadonly<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { namespace, name } = object.metadata;
  const found = await client.get({ namespace, name }, { signal });
  const owner = (one: DeepReadonly<ApiObject>): string | undefined =>
    one.metadata.ownerReferences?.find((ref) => ref.controller)?.uid;
  return owner(found as DeepReadonly<ApiObject>) === owner(object as DeepReadonly<ApiObject>) ? found : undefined;
}
