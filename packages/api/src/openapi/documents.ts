/** The OpenAPI documents of the built-in API: one of version 2 for all, one of version 3 per group version. Built when asked for. */
import type { ResourceInfo } from "../resource-info.ts";
import { resources } from "../resources.ts";
import type { OpenApiV2Part } from "./custom.ts";
import { collectDefinitions, type Definition, type Definitions, type OpenApiVersion } from "./definitions.ts";
import { discoveryPath, groupNames } from "./operation.ts";
import { pathsOf } from "./paths.ts";

export interface OpenApiDocument {
  readonly paths: Record<string, Definition>;
  readonly [member: string]: unknown;
}

/** Bodies that are served by subresources and hence belong to a group version although no resource lists them. */
const bodies: Readonly<Record<string, readonly string[]>> = {
  "core/v1": ["core/v1.Binding"],
  "policy/v1": ["policy/v1.Eviction"],
  "autoscaling/v1": ["autoscaling/v1.Scale"],
  "authentication/v1": ["authentication/v1.TokenRequest"],
};

/** The document at /openapi/v2. */
export function openApiV2(version: string): OpenApiDocument & OpenApiV2Part {
  const definitions = collectDefinitions(2, servedKinds);
  const paths = {
    ...rootPath("api", 2, definitions),
    ...rootPath("apis", 2, definitions),
    ...(Object.assign({}, ...groups.map((group) => groupPath(group, 2, definitions))) as Record<string, Definition>),
    ...versionPaths(resources, 2, definitions),
    ...pathsFor(resources, 2, definitions),
  };
  for (const name of Object.values(bodies).flat()) definitions.reference(name);
  return { swagger: "2.0", info: { title: "Kubernetes", version }, paths, definitions: definitions.all() };
}

/** The document at /openapi/v3/apis/GROUP/VERSION; undefined for a group version that is not built in. */
export function openApiV3(group: string, groupVersion: string, version: string): OpenApiDocument | undefined {
  const mine = resources.filter((info) => info.group === group && info.version === groupVersion);
  const [first] = mine;
  if (first === undefined) return undefined;
  const definitions = collectDefinitions(3, servedKinds);
  const paths = { ...versionPaths(mine, 3, definitions), ...pathsFor(mine, 3, definitions) };
  for (const name of bodies[first.folder] ?? []) definitions.reference(name);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version },
    paths,
    components: { schemas: definitions.all() },
  };
}

const groups = [...new Set(resources.map(({ group }) => group))].filter((group) => group !== "");

/** What `openApiDiscoveryV3` has, besides the group versions: `api`, `apis` and one for each group. */
export const openApiDiscoveryNames: readonly string[] = ["api", "apis", ...groups.map((group) => `apis/${group}`)];

/** The document at /openapi/v3/NAME for one of `openApiDiscoveryNames`: how versions and groups are asked for. */
export function openApiDiscoveryV3(name: string, version: string): OpenApiDocument {
  const definitions = collectDefinitions(3, servedKinds);
  const paths =
    name === "api" || name === "apis"
      ? rootPath(name, 3, definitions)
      : groupPath(name.slice("apis/".length), 3, definitions);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version },
    paths,
    components: { schemas: definitions.all() },
  };
}

/** Where the server says which versions and groups there are. */
function rootPath(name: "api" | "apis", version: OpenApiVersion, definitions: Definitions): Record<string, Definition> {
  return name === "api"
    ? discoveryPath("/api/", ["core", "Core", "APIVersions"], definitions.reference("meta/v1.APIVersions"), version)
    : discoveryPath("/apis/", ["apis", "", "APIVersions"], definitions.reference("meta/v1.APIGroupList"), version);
}

/** Where a group says which versions it has. */
function groupPath(group: string, version: OpenApiVersion, definitions: Definitions): Record<string, Definition> {
  const { tag, name } = groupNames(group);
  return discoveryPath(`/apis/${group}/`, [tag, name, "APIGroup"], definitions.reference("meta/v1.APIGroup"), version);
}

/** Where each version says which resources it has. */
function versionPaths(
  list: readonly ResourceInfo[],
  version: OpenApiVersion,
  definitions: Definitions,
): Record<string, Definition> {
  const answer = definitions.reference("meta/v1.APIResourceList");
  return Object.assign(
    {},
    ...list.map((info) => {
      const { tag, name } = groupNames(info.group, info.version);
      const path = info.group === "" ? `/api/${info.version}/` : `/apis/${info.group}/${info.version}/`;
      return discoveryPath(path, [tag, name, "APIResources"], answer, version);
    }),
  ) as Record<string, Definition>;
}

function pathsFor(
  list: readonly ResourceInfo[],
  version: OpenApiVersion,
  definitions: Definitions,
): Record<string, Definition> {
  return Object.fromEntries(
    list
      .flatMap((info) => Object.entries(pathsOf(info, version, definitions)))
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

const kinds = new Map<string, Definition[]>();
for (const { folder, group, version, kind } of resources) {
  kinds.set(`${folder}.${kind}`, [{ group, version, kind }]);
  kinds.set(`${folder}.${kind}List`, [{ group, version, kind: `${kind}List` }]);
}
for (const name of Object.values(bodies).flat()) {
  const [folder = "", kind = ""] = name.split(".");
  const group = resources.find((info) => info.folder === folder)?.group ?? "";
  kinds.set(name, [{ group, version: folder.split("/")[1] ?? "", kind }]);
}
const groupVersions = [
  ...new Map(resources.map(({ group, version }) => [`${group}/${version}`, { group, version }])).values(),
];
for (const kind of ["DeleteOptions", "WatchEvent"])
  kinds.set(
    `meta/v1.${kind}`,
    groupVersions.map((groupVersion) => ({ ...groupVersion, kind })),
  );
for (const kind of ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions"])
  kinds.set(`meta/v1.${kind}`, [{ group: "", version: "v1", kind }]);
kinds.set("meta/v1.Status", [{ group: "", version: "v1", kind: "Status" }]);

function servedKinds(schemaName: string): readonly Definition[] {
  return kinds.get(schemaName) ?? [];
}
