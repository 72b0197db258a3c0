// Which requests belong to another server, what is known of that server, and what its status should say. After kube-aggregator: reasons and
// words are its own. It decides; `io/aggregation` asks and passes on.
import type { ResourceInfo } from "@coxswain/api";
import type { APIService, APIServiceCondition } from "@coxswain/api/apiregistration/v1";
import { isJsonObject } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { UserInfo } from "../request.ts";

export const apiServiceResource = { group: "apiregistration.k8s.io", resource: "apiservices" } as const;

export interface RemoteService extends APIService {
  readonly spec: NonNullable<APIService["spec"]> & {
    readonly service: NonNullable<NonNullable<APIService["spec"]>["service"]>;
  };
}

export function isApiService(object: ApiObject): object is APIService {
  return object.kind === "APIService";
}

/** Served by somebody else; the others are this server's own. */
export function isRemote(object: ApiObject): object is RemoteService {
  return isApiService(object) && object.spec?.service !== undefined;
}

/** The name of the APIService that a path belongs to; undefined for paths that belong to none. */
export function serviceNameOf(path: string): string | undefined {
  const [empty, prefix, group, version] = path.split("/", 4);
  return empty === "" && prefix === "apis" && group && version ? `${version}.${group}` : undefined;
}

export type Availability = Pick<APIServiceCondition, "status" | "reason" | "message">;

export const available: Availability = { status: "True", reason: "Passed", message: "all checks passed" };
const ownAvailability: Availability = {
  status: "True",
  reason: "Local",
  message: "Local APIServices are always available",
};

export function isAvailable({ status }: APIService): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === "Available" && condition.status === "True") === true
  );
}

/** The service with what was found out in its status; undefined when it says so already. */
export function withAvailability(
  service: APIService,
  found: Availability | undefined,
  now: string,
): APIService | undefined {
  const said = found ?? ownAvailability;
  const conditions = service.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "Available");
  if (before && before.status === said.status && before.reason === said.reason && before.message === said.message)
    return undefined;
  const lastTransitionTime = before?.status === said.status ? before.lastTransitionTime : now;
  const condition: APIServiceCondition = { type: "Available", ...said, lastTransitionTime };
  return {
    ...service,
    status: { ...service.status, conditions: [...conditions.filter(({ type }) => type !== "Available"), condition] },
  };
}

/** How clients should prefer the groups of this server; the order is Kubernetes' own. */
const priorities: Readonly<Record<string, number>> = {
  "": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "apiextensions.k8s.io": 16_700,
  "admissionregistration.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
  "resource.k8s.io": 15_900,
};

/** The objects that stand for the groups which this server answers for itself. */
export function ownServices(resources: readonly ResourceInfo[], now: string): readonly APIService[] {
  const seen = new Set<string>();
  return resources.flatMap(({ group, version }): APIService[] => {
    const name = `${version}.${group}`;
    const groupPriorityMinimum = priorities[group];
    if (groupPriorityMinimum === undefined || seen.has(name)) return [];
    seen.add(name);
    const labels = { "kube-aggregator.kubernetes.io/automanaged": "onstart" };
    const versionPriority = version === "v2" ? 30 : 15;
    return [
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name, labels },
        spec: { ...(group !== "" && { group }), version, groupPriorityMinimum, versionPriority },
        status: { conditions: [{ type: "Available", ...ownAvailability, lastTransitionTime: now }] },
      },
    ];
  });
}

/** How the other server learns who asks. */
export function identityHeaders({
  username,
  uid,
  groups,
  extra = {},
}: UserInfo): Readonly<Record<string, string | string[]>> {
  return {
    "x-remote-user": username,
    ...(uid !== undefined && uid !== "" && { "x-remote-uid": uid }),
    ...(groups.length > 0 && { "x-remote-group": [...groups] }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [`x-remote-extra-${encodeURIComponent(key)}`, [...values]]),
    ),
  };
}

/** The resources that a server says it has (an APIResourceList), as discovery takes them. */
export function offeredBy(list: unknown, group: string, version: string): readonly ResourceInfo[] {
  const entries = isJsonObject(list) && Array.isArray(list["resources"]) ? list["resources"].filter(isJsonObject) : [];
  const nameOf = (entry: Readonly<Record<string, unknown>>): string => String(entry["name"]);
  return entries
    .filter((entry) => typeof entry["name"] === "string" && !nameOf(entry).includes("/"))
    .map((entry) => ({
      folder: "",
      group,
      version,
      resource: nameOf(entry),
      kind: typeof entry["kind"] === "string" ? entry["kind"] : "",
      singular: typeof entry["singularName"] === "string" ? entry["singularName"] : "",
      namespaced: entry["namespaced"] === true,
      verbs: textsOf(entry["verbs"]),
      shortNames: textsOf(entry["shortNames"]),
      categories: textsOf(entry["categories"]),
      subresources: entries
        .map(nameOf)
        .filter((name) => name.startsWith(`${nameOf(entry)}/`))
        .map((name) => name.slice(nameOf(entry).length + 1)),
    }));
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
