// Whether an owner is on the server what the cache shows of it. Asked once before anything is made for it: the cache of owners may be behind
// the cache of what they own, and what was taken away on purpose (a foreground deletion, a namespace's end, a scale-down) would be made again.
// A deletion of a dependent follows that of its owner, and this question follows the sight of it, so the answer cannot be too old.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";

/** False: it is gone, going, another one, or asks for something else by now; the change that says so will come. */
export async function isAsCached(
  owner: DeepReadonly<ApiObject>,
  owners: Pick<ResourceClient<ApiObject>, "get">,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, name, uid, generation } = owner.metadata;
  try {
    const { metadata } = await owners.get({ namespace, name }, { signal });
    return metadata.uid === uid && metadata.deletionTimestamp === undefined && metadata.generation === generation;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
