// Which requests belong to another server, what is known of that server, and what its status should say. After kube-aggregator: reasons and
// words are its own. It decides; `io/aggregation` asks and passes on.
import type { ResourceInfo } from "@coxswain/api";
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
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

/** The name of the APIService that a path belongs to, or the description of its group; undefined for paths that belong to none. */
export function serviceNameOf(path: string): string | undefined {
  const below = path.startsWith(describedBelow) ? path.slice(describedBelow.length) : path;
  const [empty, prefix, group, version] = below.split("/", 4);
  return empty === "" && prefix === "apis" && group && version ? `${version}.${group}` : undefined;
}

const describedBelow = "/openapi/v3";

/** Whose description counts first: by the priority of the group (the highest that one of its versions has), of the version, by name. */
export function inOrderOfPriority(services: readonly RemoteService[]): readonly RemoteService[] {
  const ofGroup = (group = ""): number =>
    Math.max(
      ...services.filter(({ spec }) => (spec.group ?? "") === group).map((each) => each.spec.groupPriorityMinimum),
    );
  return services.toSorted(
    (left, right) =>
      ofGroup(right.spec.group) - ofGroup(left.spec.group) ||
      (left.spec.group === right.spec.group ? right.spec.versionPriority - left.spec.versionPriority : 0) ||
      (left.metadata.name < right.metadata.name ? -1 : 1),
  );
}

/** Where a server says that its group is described; undefined when it does not. The list is what it has at `/openapi/v3`. */
export function describedAt(list: unknown, group: string, version: string): string | undefined {
  const paths = isJsonObject(list) && isJsonObject(list["paths"]) ? list["paths"] : {};
  const entry = paths[`apis/${group}/${version}`];
  const url = isJsonObject(entry) ? entry["serverRelativeURL"] : undefined;
  const own = `${describedBelow}/apis/${group}/${version}`;
  return typeof url === "string" && (url === own || url.startsWith(`${own}?`)) ? url : undefined;
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
    const labels = { [automanaged]: "onstart" };
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

const automanaged = "kube-aggregator.kubernetes.io/automanaged";

/** The objects that stand for the groups and versions that definitions of custom resources have brought. */
export function customServices(
  kinds: readonly { readonly group: string; readonly version: string }[],
  now: string,
): readonly APIService[] {
  const byName = new Map(kinds.map(({ group, version }) => [`${version}.${group}`, { group, version }]));
  return [...byName].map(([name, { group, version }]) => ({
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name, labels: { [automanaged]: "true" } },
    spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 },
    status: { conditions: [{ type: "Available", ...ownAvailability, lastTransitionTime: now }] },
  }));
}

/** Made for a definition: it goes when no definition brings its group and version any more. */
export function isOfDefinition({ metadata, spec }: APIService): boolean {
  return metadata.labels?.[automanaged] === "true" && spec?.service === undefined;
}

/** Whether a definition serves what the service stands for. */
export function isServedBy({ spec }: APIService, definition: CustomResourceDefinition): boolean {
  return (
    definition.spec.group === spec?.group &&
    definition.spec.versions.some(({ name, served }) => served && name === spec.version)
  );
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
  const named = entries.filter((entry) => typeof entry["name"] === "string");
  const whole = named.filter((entry) => !nameOf(entry).includes("/"));
  const known = new Set(whole.map(nameOf));
  // Metrics servers have "pods/http_requests" and no "pods": what is before the stroke stands for itself, without verbs.
  for (const entry of named) {
    const [name = "", part] = nameOf(entry).split("/", 2);
    if (part === undefined || known.has(name)) continue;
    known.add(name);
    whole.push({ name, namespaced: entry["namespaced"] === true });
  }
  return whole.map((entry) => ({
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
    subresources: named
      .map(nameOf)
      .filter((name) => name.startsWith(`${nameOf(entry)}/`))
      .map((name) => name.slice(nameOf(entry).length + 1)),
  }));
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
