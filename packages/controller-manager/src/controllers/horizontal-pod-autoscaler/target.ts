// Finds what an autoscaler scales, of whatever kind: a kind's resource is looked up in the API's own list, so that custom resources with
// a scale are like all others.
import type { Scale } from "@coxswain/api/autoscaling/v1";
import { parseApiVersion } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";

export interface KindReference {
  readonly kind: string;
  readonly apiVersion?: string | undefined;
}

export interface Kinds {
  /** Throws an Error with a sentence when there is no such kind. */
  descriptorOf(reference: KindReference, signal: AbortSignal): Promise<ResourceDescriptor<ScalableObject>>;
}

type ScalableObject = ApiObject | Scale;

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Definitions of kinds come and go: so long is an answer believed. */
const believedMs = 30_000;

export function createKinds(client: Pick<Client, "request">, clock: Clock): Kinds {
  const known = new Map<string, { readonly descriptor: ResourceDescriptor<ScalableObject>; readonly atMs: number }>();

  const find = async (
    group: string,
    version: string,
    kind: string,
    signal: AbortSignal,
  ): Promise<ResourceDescriptor<ScalableObject> | undefined> => {
    const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const answer = await client.request({ method: "GET", path, signal });
    if (answer.status === 404) return undefined;
    if (answer.status >= 400) throw new Error(`reading ${path} was answered with ${answer.status}`);
    const { resources = [] } = answer.json() as ResourceList;
    const found = resources.find((one) => one.kind === kind && !one.name.includes("/"));
    if (found === undefined) return undefined;
    const { name: resource, namespaced } = found;
    return { group, version, resource, kind, namespaced, singular: kind.toLowerCase(), shortNames: [] };
  };

  /** The version that an autoscaler names need not be served any more; the group and the kind count. */
  const preferredVersion = async (group: string, signal: AbortSignal): Promise<string | undefined> => {
    if (group === "") return "v1";
    const answer = await client.request({ method: "GET", path: `/apis/${group}`, signal });
    if (answer.status >= 400) return undefined;
    return (answer.json() as { readonly preferredVersion?: { readonly version?: string } }).preferredVersion?.version;
  };

  return {
    async descriptorOf({ kind, apiVersion = "v1" }, signal) {
      const key = `${apiVersion} ${kind}`;
      const remembered = known.get(key);
      if (remembered !== undefined && clock.monotonic() - remembered.atMs < believedMs) return remembered.descriptor;
      const parsed = parseApiVersion(apiVersion);
      if (parsed === undefined) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
      const { group, version } = parsed;
      let descriptor = await find(group, version, kind, signal);
      if (descriptor === undefined) {
        const preferred = await preferredVersion(group, signal);
        if (preferred !== undefined && preferred !== version) descriptor = await find(group, preferred, kind, signal);
      }
      if (descriptor === undefined) {
        known.delete(key);
        throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      }
      known.set(key, { descriptor, atMs: clock.monotonic() });
      return descriptor;
    },
  };
}
