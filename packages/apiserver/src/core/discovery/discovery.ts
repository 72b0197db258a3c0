// What the server offers, as clients read it: the legacy documents, also as YAML and protobuf, and the aggregated one, each encoded once with its
// ETag.
import { createHash } from "./etag.ts";
import { protobufMediaType } from "../body/protobuf.ts";
import { writeProtobuf } from "../body/protobuf-writer.ts";
import { renderYaml } from "../body/yaml.ts";
import { inOrder } from "../tables/accept.ts";
import type { Kind } from "../registry/kind.ts";
import type { ResourceInfo } from "@coxswain/api";
import { compareVersions, StatusError, statuses } from "@coxswain/apimachinery";

export interface Document {
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag: string;
}

export interface Discovery {
  /** The document at a path; undefined when there is none. Throws 406. */
  find(path: string, accept: string | undefined): Document | undefined;
}

/** Groups in the order in which kubectl should prefer them. */
const order = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];

type OfferedKind = Pick<Kind, "group" | "version" | "info"> & Partial<Pick<Kind, "conversion">>;

/** What discovery needs to know of a kind; without `info`, of a version that may have none. */
export type Offered = OfferedKind | (Omit<OfferedKind, "info"> & { readonly info?: never });

interface Version {
  readonly version: string;
  readonly kinds: OfferedKind[];
}

/** Of the version in which a resource is stored, as `io/storage-version-hash.ts` makes it. */
export type StorageVersionHash = (group: string, version: string, kind: string) => string;

/** The same while kinds come and go: made anew when `generation` has changed. */
export function createLiveDiscovery(
  kinds: () => { readonly all: readonly Offered[]; readonly generation: number },
  serverAddress: string,
  hash: StorageVersionHash,
): Discovery {
  let made: { readonly generation: number; readonly discovery: Discovery } | undefined;
  return {
    find(path, accept) {
      const { all, generation } = kinds();
      if (made?.generation !== generation)
        made = { generation, discovery: createDiscovery({ all }, serverAddress, hash) };
      return made.discovery.find(path, accept);
    },
  };
}

export function createDiscovery(
  kinds: { readonly all: readonly Offered[] },
  serverAddress: string,
  hash: StorageVersionHash,
): Discovery {
  const groups = new Map<string, Version[]>();
  for (const kind of kinds.all) {
    const versions = groups.get(kind.group) ?? [];
    groups.set(kind.group, versions);
    let version = versions.find((known) => known.version === kind.version);
    if (!version) versions.push((version = { version: kind.version, kinds: [] }));
    if (kind.info !== undefined) version.kinds.push(kind);
  }
  for (const versions of groups.values()) versions.sort((left, right) => compareVersions(left.version, right.version));
  const names = [...groups.keys()].sort((left, right) => place(left) - place(right) || (left < right ? -1 : 1));
  /** Paths that there are none of are not remembered: anybody may make them up. */
  const known = new Map<string, Legacy>();
  const made = new Map<string, Document>();

  return {
    find(path, accept) {
      const clean = path.replace(/\/$/, "");
      const value = known.get(clean) ?? legacy(clean);
      if (!value) return undefined;
      known.set(clean, value);
      const form = formOf(accept, clean === "/api" || clean === "/apis");
      const key = `${clean} ${form.format} ${form.aggregated ?? ""}`;
      let document = made.get(key);
      if (!document)
        made.set(key, (document = form.aggregated ? aggregate(clean, form.aggregated) : encoded(value, form.format)));
      return document;
    },
  };

  function aggregate(path: string, version: string): Document {
    const own = names.filter((name) => (name === "") === (path === "/api"));
    const items = own.map((name) => ({
      metadata: { name },
      versions: (groups.get(name) ?? []).map((entry) => ({
        version: entry.version,
        resources: aggregatedResources(entry),
        freshness: "Current",
      })),
    }));
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    return documentOf(
      { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items },
      contentType,
    );
  }

  function legacy(path: string): Legacy | undefined {
    const segments = path.split("/").slice(1);
    if (path === "/api") {
      const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress }];
      return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
    }
    if (path === "/apis")
      return { kind: "APIGroupList", apiVersion: "v1", groups: names.filter((name) => name !== "").map(groupOf) };
    if (segments[0] === "api" && segments.length === 2) return resourceList("", segments[1] ?? "");
    if (segments[0] !== "apis" || segments[1] === undefined || !groups.has(segments[1]) || segments[1] === "")
      return undefined;
    if (segments.length === 2) return { kind: "APIGroup", apiVersion: "v1", ...groupOf(segments[1]) };
    return segments.length === 3 ? resourceList(segments[1], segments[2] ?? "") : undefined;
  }

  function groupOf(name: string): object {
    const versions = (groups.get(name) ?? []).map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] };
  }

  function resourceList(group: string, version: string): Legacy | undefined {
    const entry = groups.get(group)?.find((known) => known.version === version);
    if (!entry) return undefined;
    const resources = entry.kinds.flatMap(({ info, conversion }) => {
      const stored = conversion?.stored ?? info;
      return [
        legacyResource(info, hash(stored.group, stored.version, info.kind)),
        ...info.subresources.map((name) => legacySubresource(info, name)),
      ];
    });
    const groupVersion = group === "" ? version : `${group}/${version}`;
    return { kind: "APIResourceList", ...(group !== "" && { apiVersion: "v1" }), groupVersion, resources };
  }
}

function place(group: string): number {
  const at = order.indexOf(group);
  return at < 0 ? order.length : at;
}

/** A legacy document; those of the core group say no version. */
interface Legacy {
  readonly kind: string;
  readonly apiVersion?: string;
  readonly [member: string]: unknown;
}

interface Form {
  readonly format: "json" | "yaml" | "protobuf";
  /** The version of the aggregated document; undefined: the legacy one. */
  readonly aggregated: string | undefined;
}

const formats: ReadonlyMap<string, Form["format"]> = new Map([
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["application/yaml", "yaml"],
  [protobufMediaType, "protobuf"],
]);

/** The first that the client would take. Throws 406. */
function formOf(accept: string | undefined, isAggregated: boolean): Form {
  for (const { type, parameters } of inOrder(accept?.trim() || "*/*")) {
    const format = formats.get(type);
    if (format === undefined) continue;
    if (!parameters.has("as")) return { format, aggregated: undefined };
    const version = parameters.get("v") ?? "";
    const isWanted = parameters.get("as") === "APIGroupDiscoveryList" && parameters.get("g") === "apidiscovery.k8s.io";
    if (isAggregated && isWanted && format === "json" && ["v2", "v2beta1"].includes(version))
      return { format, aggregated: version };
  }
  throw new StatusError(statuses.notAcceptable(["application/json", "application/yaml", protobufMediaType]));
}

function encoded(value: Legacy, format: Form["format"]): Document {
  switch (format) {
    case "json":
      return documentOf(value);
    case "yaml":
      return bytesOf(Buffer.from(renderYaml(value)), "application/yaml");
    case "protobuf":
      return bytesOf(writeProtobuf({ ...value, apiVersion: "v1" }), protobufMediaType);
    default:
      return format satisfies never;
  }
}

function documentOf(value: object, contentType = "application/json"): Document {
  return bytesOf(Buffer.from(`${JSON.stringify(value)}\n`), contentType);
}

function bytesOf(body: Buffer, contentType: string): Document {
  return { contentType, body, etag: `"${createHash(body)}"` };
}

function legacyResource(info: ResourceInfo, storageVersionHash: string): object {
  const { resource, singular, namespaced, kind, verbs, shortNames, categories } = info;
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(verbs.includes("list") && { storageVersionHash }),
  };
}

interface SubresourceShape {
  readonly verbs: readonly string[];
  readonly type?: { readonly group: string; readonly version: string; readonly kind: string };
}

const streams: SubresourceShape = { verbs: ["create", "get"] };
const updates: SubresourceShape = { verbs: ["get", "patch", "update"] };
const proxies: SubresourceShape = { verbs: ["create", "delete", "get", "patch", "update"] };
const shapes: Readonly<Record<string, SubresourceShape>> = {
  status: updates,
  approval: updates,
  resize: updates,
  ephemeralcontainers: updates,
  finalize: { verbs: ["update"] },
  scale: { verbs: ["get", "patch", "update"], type: { group: "autoscaling", version: "v1", kind: "Scale" } },
  binding: { verbs: ["create"], type: { group: "", version: "v1", kind: "Binding" } },
  eviction: { verbs: ["create"], type: { group: "policy", version: "v1", kind: "Eviction" } },
  token: { verbs: ["create"], type: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" } },
  log: { verbs: ["get"] },
  exec: { ...streams, type: { group: "", version: "v1", kind: "PodExecOptions" } },
  attach: { ...streams, type: { group: "", version: "v1", kind: "PodAttachOptions" } },
  portforward: { ...streams, type: { group: "", version: "v1", kind: "PodPortForwardOptions" } },
};

/** Verbs of a subresource of a resource. */
export function subresourceShape(info: ResourceInfo, name: string): SubresourceShape {
  if (name === "proxy") return { ...proxies, type: { group: "", version: "v1", kind: `${info.kind}ProxyOptions` } };
  return shapes[name] ?? updates;
}

function legacySubresource(info: ResourceInfo, name: string): object {
  const { verbs, type } = subresourceShape(info, name);
  return {
    name: `${info.resource}/${name}`,
    singularName: "",
    namespaced: info.namespaced,
    ...(type && (type.group !== "" || info.group !== "") && { group: type.group, version: type.version }),
    kind: type?.kind ?? info.kind,
    verbs,
  };
}

function aggregatedResources({ kinds }: Version): object[] {
  return kinds.map(({ info }) => ({
    resource: info.resource,
    responseKind: { group: info.group, version: info.version, kind: info.kind },
    scope: info.namespaced ? "Namespaced" : "Cluster",
    singularResource: info.singular,
    verbs: info.verbs,
    ...(info.shortNames.length > 0 && { shortNames: info.shortNames }),
    ...(info.categories.length > 0 && { categories: info.categories }),
    ...(info.subresources.length > 0 && {
      subresources: info.subresources.map((name) => {
        const { verbs, type } = subresourceShape(info, name);
        return {
          subresource: name,
          responseKind: type ?? { group: info.group, version: info.version, kind: info.kind },
          verbs,
        };
      }),
    }),
  }));
}
