// What an API server offers: every group, version and resource, from /api and /apis. Asks; does not cache.
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { orThrow } from "./answer.ts";
import type { Client } from "./client.ts";

export interface Discovery {
  readonly resources: readonly DiscoveredResource[];
  /** Group versions whose resources could not be read ("metrics.k8s.io/v1"), with the reason: an aggregated server is away. */
  readonly failures: readonly { readonly groupVersion: string; readonly reason: string }[];
}

export interface DiscoveredResource {
  readonly descriptor: ResourceDescriptor<ApiObject>;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** True for the group's preferred version. */
  readonly preferred: boolean;
}

interface ApiResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly singularName?: string;
    readonly verbs?: readonly string[];
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  }[];
}

interface ApiGroupList {
  readonly groups?: readonly {
    readonly name: string;
    readonly preferredVersion?: { readonly version: string };
    readonly versions?: readonly { readonly version: string }[];
  }[];
}

/** Reads every group version; one that fails is reported beside the others, because deciding what that means is the caller's. */
export async function readDiscovery(client: Pick<Client, "request">, signal?: AbortSignal): Promise<Discovery> {
  const get = async (path: string): Promise<unknown> => {
    const request = { method: "GET" as const, path, signal };
    return orThrow(await client.request(request), request).json();
  };
  const groups = ((await get("/apis")) as ApiGroupList).groups ?? [];
  const wanted = [
    { group: "", version: "v1", preferred: true, path: "/api/v1" },
    ...groups.flatMap((group) =>
      (group.versions ?? []).map(({ version }) => ({
        group: group.name,
        version,
        preferred: version === (group.preferredVersion?.version ?? group.versions?.[0]?.version),
        path: `/apis/${group.name}/${version}`,
      })),
    ),
  ];
  const answers = await Promise.allSettled(wanted.map(({ path }) => get(path)));
  signal?.throwIfAborted();
  const resources: DiscoveredResource[] = [];
  const failures: { groupVersion: string; reason: string }[] = [];
  answers.forEach((answer, index) => {
    const place = wanted[index];
    if (place === undefined) return;
    if (answer.status === "fulfilled") resources.push(...resourcesIn(answer.value as ApiResourceList, place));
    else failures.push({ groupVersion: place.path.replace(/^\/apis?\//, ""), reason: reasonOf(answer.reason) });
  });
  return { resources, failures };
}

function resourcesIn(
  list: ApiResourceList,
  place: { readonly group: string; readonly version: string; readonly preferred: boolean },
): DiscoveredResource[] {
  return (list.resources ?? [])
    .filter((resource) => !resource.name.includes("/"))
    .map((resource) => ({
      descriptor: {
        group: place.group,
        version: place.version,
        resource: resource.name,
        kind: resource.kind,
        namespaced: resource.namespaced,
        singular: resource.singularName ?? resource.kind.toLowerCase(),
        shortNames: resource.shortNames ?? [],
      },
      verbs: resource.verbs ?? [],
      shortNames: resource.shortNames ?? [],
      categories: resource.categories ?? [],
      preferred: place.preferred,
    }));
}

const reasonOf = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason));
