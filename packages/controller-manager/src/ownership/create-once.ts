// Creates an object whose name is already chosen, exactly once: when the answer is lost the same name is sent again, and
// "already exists" then means that the first request had arrived. A name chosen by the server could not be recognised.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isOutcomeUnknown } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";

const mostAttempts = 4;

export async function createOnce<T extends ApiObject>(client: ResourceClient<T>, object: DeepReadonly<T>, signal: AbortSignal): Promise<T> {
  let lost: unknown;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    try {
      return await client.create(object, { signal });
    } catch (error) {
      if (isAlreadyExists(error) && lost !== undefined) {
        const { namespace, name } = object.metadata;
        const found = await client.get({ namespace, name }, { signal });
        if (sameOwner(found, object)) return found;
      }
      if (!isOutcomeUnknown(error) || signal.aborted) throw error;
      lost = error;
    }
  }
  throw lost;
}

function sameOwner(one: DeepReadonly<ApiObject>, other: DeepReadonly<ApiObject>): boolean {
  const uid = (object: DeepReadonly<ApiObject>): string | undefined => object.metadata.ownerReferences?.find((ref) => ref.controller)?.uid;
  return uid(one) === uid(other);
}
