/** The paths of a resource with their operations, as much as kubectl and client generators read of them. */
import { apiVersionOf } from "@coxswain/apimachinery";
import type { ResourceInfo } from "../resource-info.ts";
import type { Definition, Definitions, OpenApiVersion } from "./definitions.ts";

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const mediaTypes = ["application/json", "application/yaml"];

interface Action {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly verb: string;
  readonly operation: string;
  readonly response: Definition;
  readonly body?: Definition;
  readonly parameters: readonly string[];
}

/** All paths of one resource and of its status and scale. */
export function pathsOf(
  info: ResourceInfo,
  version: OpenApiVersion,
  definitions: Definitions,
): Record<string, Definition> {
  const object = definitions.reference(`${info.folder}.${info.kind}`);
  const options = definitions.reference("meta/v1.DeleteOptions");
  const status = definitions.reference("meta/v1.Status");
  const served = (verb: string): boolean => info.verbs.includes(verb);
  const listName = `${info.folder}.${info.kind}List`;
  const paths: Record<string, Definition> = {};
  const collection: Action[] = [];
  if (served("list")) {
    const list = definitions.reference(listName);
    collection.push({
      method: "get",
      verb: "list",
      operation: "list",
      response: list,
      parameters: ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch", "timeoutSeconds"],
    });
  }
  if (served("create"))
    collection.push({
      method: "post",
      verb: "post",
      operation: "create",
      response: object,
      body: object,
      parameters: ["dryRun", "fieldManager", "fieldValidation"],
    });
  if (served("deletecollection"))
    collection.push({
      method: "delete",
      verb: "deletecollection",
      operation: "deleteCollection",
      response: status,
      body: options,
      parameters: ["labelSelector", "fieldSelector"],
    });
  paths[pathTo(info)] = item(info, "", collection, version, []);

  const single: Action[] = [];
  if (served("get")) single.push({ method: "get", verb: "get", operation: "read", response: object, parameters: [] });
  if (served("update"))
    single.push({
      method: "put",
      verb: "put",
      operation: "replace",
      response: object,
      body: object,
      parameters: ["dryRun", "fieldManager", "fieldValidation"],
    });
  if (served("patch"))
    single.push({
      method: "patch",
      verb: "patch",
      operation: "patch",
      response: object,
      body: { type: "object" },
      parameters: ["dryRun", "fieldManager", "fieldValidation", "force"],
    });
  if (served("delete"))
    single.push({
      method: "delete",
      verb: "delete",
      operation: "delete",
      response: status,
      body: options,
      parameters: ["dryRun", "gracePeriodSeconds", "propagationPolicy"],
    });
  if (single.length > 0) paths[`${pathTo(info)}/{name}`] = item(info, "", single, version, ["name"]);
  if (info.namespaced && served("list"))
    paths[pathTo({ ...info, namespaced: false })] = item(
      { ...info, namespaced: false },
      "ForAllNamespaces",
      collection.slice(0, 1),
      version,
      [],
    );
  for (const name of ["status", "scale"].filter((candidate) => info.subresources.includes(candidate))) {
    const body = name === "scale" ? definitions.reference("autoscaling/v1.Scale") : object;
    const actions = single
      .filter(({ method }) => method !== "delete")
      .map((action) => ({ ...action, response: body, ...(action.method === "put" && { body }) }));
    paths[`${pathTo(info)}/{name}/${name}`] = item(info, name === "scale" ? "Scale" : "Status", actions, version, [
      "name",
    ]);
  }
  return paths;
}

function pathTo(info: ResourceInfo): string {
  const root = info.group === "" ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
  return `${root}${info.namespaced ? "/namespaces/{namespace}" : ""}/${info.resource}`;
}

function item(
  info: ResourceInfo,
  suffix: string,
  actions: readonly Action[],
  version: OpenApiVersion,
  names: readonly string[],
): Definition {
  const inPath = [...(info.namespaced ? ["namespace"] : []), ...names];
  return {
    ...Object.fromEntries(actions.map((action) => [action.method, operation(info, suffix, action, version)])),
    parameters: inPath.map((name) => parameter(name, "path", version)),
  };
}

function operation(info: ResourceInfo, suffix: string, action: Action, version: OpenApiVersion): Definition {
  const tag = groupTag(info);
  const code = action.method === "post" ? "201" : "200";
  const parameters = action.parameters.map((name) => parameter(name, "query", version));
  const body = action.body;
  const consumes = action.method === "patch" ? patchTypes : mediaTypes;
  const shared = {
    description: `${action.operation} ${info.kind}`,
    operationId: `${action.operation}${tag}${info.namespaced ? "Namespaced" : ""}${info.kind}${suffix}`,
    tags: [tag.slice(0, 1).toLowerCase() + tag.slice(1)],
    "x-kubernetes-action": action.verb,
    "x-kubernetes-group-version-kind": { group: info.group, version: info.version, kind: info.kind },
  };
  if (version === 2) {
    const inBody =
      body === undefined ? [] : [{ name: "body", in: "body", required: action.method !== "delete", schema: body }];
    return {
      ...shared,
      consumes,
      produces: mediaTypes,
      schemes: ["https"],
      parameters: [...inBody, ...parameters],
      responses: { [code]: { description: "OK", schema: action.response }, 401: { description: "Unauthorized" } },
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
      [code]: { description: "OK", content: content(mediaTypes, action.response) },
      401: { description: "Unauthorized" },
    },
  };
}

const integers = new Set(["limit", "timeoutSeconds", "gracePeriodSeconds"]);
const booleans = new Set(["watch", "force"]);

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

/** "AppsV1", "CoreV1", "RbacAuthorizationV1": how operations of a group version are named. */
function groupTag(info: ResourceInfo): string {
  const [, version] = apiVersionOf(info).includes("/") ? apiVersionOf(info).split("/") : ["", info.version];
  const group = info.group === "" ? "core" : info.group.replace(/\.k8s\.io$/, "");
  return [...group.split("."), version ?? ""].map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join("");
}
