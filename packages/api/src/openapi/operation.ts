/** One operation of a path, in either version's form. */
import type { ResourceInfo } from "../resource-info.ts";
import type { Definition, OpenApiVersion } from "./definitions.ts";

export interface Action {
  readonly method: "get" | "post" | "put" | "patch" | "delete" | "head" | "options";
  /** The value of `x-kubernetes-action`. */
  readonly action: string;
  /** The operation's name around the group version: "delete" and "Collection", "watch" and "". */
  readonly name: readonly [before: string, after: string];
  readonly response: Definition;
  readonly codes?: readonly number[];
  readonly body?: Definition;
  readonly parameters: readonly string[];
  /** What it consumes and produces, where that is not the common forms. */
  readonly consumes?: readonly string[];
  readonly produces?: readonly string[];
  readonly isDeprecated?: boolean;
  /** The kind that the operation speaks of; the resource's own where left out. */
  readonly type?: { readonly group: string; readonly version: string; readonly kind: string };
}

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const mediaTypes = ["application/json", "application/yaml"];
const codeTexts: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 202: "Accepted" };

/** A path with its operations; `names` are its parameters. */
export function pathItem(
  info: ResourceInfo,
  suffix: string,
  actions: readonly Action[],
  version: OpenApiVersion,
  names: readonly string[],
): Definition {
  const inPath = [...names, ...(info.namespaced ? ["namespace"] : [])];
  return {
    ...Object.fromEntries(actions.map((action) => [action.method, operation(info, suffix, action, version)])),
    parameters: [
      ...inPath.map((name) => parameter(name, "path", version)),
      ...(suffix.startsWith("Proxy") ? [] : [parameter("pretty", "query", version)]),
    ],
  };
}

function operation(info: ResourceInfo, suffix: string, action: Action, version: OpenApiVersion): Definition {
  const { body, codes = [200] } = action;
  const [before, after] = action.name;
  const scope = info.namespaced ? "Namespaced" : "";
  const named = groupNames(info.group, info.version);
  const parameters = action.parameters.map((name) => parameter(name, "query", version));
  const consumes = action.consumes ?? (action.method === "patch" ? patchTypes : ["*/*"]);
  const produces = action.produces ?? mediaTypes;
  const { group, version: groupVersion, kind } = action.type ?? info;
  const shared = {
    description: `${before} ${info.kind}`,
    operationId: `${before}${named.name}${after}${scope}${info.kind}${suffix}`,
    tags: [named.tag],
    ...(action.isDeprecated && { deprecated: true }),
    "x-kubernetes-action": action.action,
    "x-kubernetes-group-version-kind": { group, version: groupVersion, kind },
  };
  if (version === 2) {
    const inBody =
      body === undefined ? [] : [{ name: "body", in: "body", required: action.method !== "delete", schema: body }];
    return {
      ...shared,
      consumes,
      produces,
      schemes: ["https"],
      parameters: [...inBody, ...parameters],
      responses: {
        ...Object.fromEntries(codes.map((code) => [code, { description: codeTexts[code], schema: action.response }])),
        401: { description: "Unauthorized" },
      },
    };
  }
  const content = (types: readonly string[], schema: Definition): Definition =>
    Object.fromEntries(types.map((type) => [type, { schema }]));
  return {
    ...shared,
    parameters,
    ...(body !== undefined && {
      requestBody: { content: content(consumes, body), required: action.method !== "delete" },
    }),
    responses: {
      ...Object.fromEntries(
        codes.map((code) => [code, { description: codeTexts[code], content: content(produces, action.response) }]),
      ),
      401: { description: "Unauthorized" },
    },
  };
}

const integers = new Set([
  "limit",
  "timeoutSeconds",
  "gracePeriodSeconds",
  "limitBytes",
  "ports",
  "sinceSeconds",
  "tailLines",
]);
const booleans = new Set([
  "allowWatchBookmarks",
  "follow",
  "force",
  "ignoreStoreReadErrorWithClusterBreakingPotential",
  "insecureSkipTLSVerifyBackend",
  "orphanDependents",
  "previous",
  "sendInitialEvents",
  "stderr",
  "stdin",
  "stdout",
  "timestamps",
  "tty",
  "watch",
]);

function parameter(name: string, place: "path" | "query", version: OpenApiVersion): Definition {
  const type = integers.has(name) ? "integer" : booleans.has(name) ? "boolean" : "string";
  const head = {
    name,
    in: place,
    ...(place === "path" && { required: true }),
    ...(version === 2 && { uniqueItems: true }),
  };
  return version === 2 ? { ...head, type } : { ...head, schema: { type, uniqueItems: true } };
}

/** How a group (and version) is named in operations, "RbacAuthorizationV1", and as a tag, "rbacAuthorization_v1". */
export function groupNames(group: string, version = ""): { readonly name: string; readonly tag: string } {
  const parts = (group === "" ? "core" : group.replace(/\.k8s\.io$/, "")).split(".");
  const joined = parts.map((part) => capital(part)).join("");
  const tag = joined.slice(0, 1).toLowerCase() + joined.slice(1);
  return { name: joined + capital(version), tag: version === "" ? tag : `${tag}_${version}` };
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** A path of discovery, which is only ever read. */
export function discoveryPath(
  path: string,
  [tag, before, what]: readonly [tag: string, before: string, what: string],
  response: Definition,
  version: OpenApiVersion,
): Record<string, Definition> {
  const shared = { description: `get ${what}`, operationId: `get${before}${what}`, tags: [tag] };
  const unauthorized = { 401: { description: "Unauthorized" } };
  const get =
    version === 2
      ? {
          ...shared,
          consumes: mediaTypes,
          produces: mediaTypes,
          schemes: ["https"],
          responses: { 200: { description: "OK", schema: response }, ...unauthorized },
        }
      : {
          ...shared,
          responses: {
            200: {
              description: "OK",
              content: Object.fromEntries(mediaTypes.map((type) => [type, { schema: response }])),
            },
            ...unauthorized,
          },
        };
  return { [path]: { get } };
}
