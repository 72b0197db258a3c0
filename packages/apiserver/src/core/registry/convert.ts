// Between the versions of a resource: from the stored one to the one that is served, and back. For most kinds there is nothing to do, for some
// two functions do it, and for custom resources with a conversion webhook another program does (`RemoteConversion`), so it has to be awaited.
import type { ApiObject } from "@coxswain/apimachinery";
import { cloneJson } from "@coxswain/apimachinery";
import type { Kind } from "./kind.ts";

/** An object of one version in another version of the same resource. The given one is left as it is. */
export async function convertBetween(from: Kind, to: Kind, object: ApiObject): Promise<ApiObject> {
  const copy = cloneJson(object);
  const stored = from.conversion ? from.conversion.toStored(copy) : copy;
  return to.conversion ? to.conversion.fromStored(stored) : stored;
}
