/** The paths of a resource with their operations, named and marked as generators of clients expect them. */
import type { ResourceInfo } from "../resource-info.ts";
import type { Definition, Definitions, OpenApiVersion } from "./definitions.ts";
import type { Action } from "./operation.ts";
import { pathItem } from "./operation.ts";
import type { Subresource } from "./subresource-paths.ts";
import { subresourceOf } from "./subresource-paths.ts";

const selection = ["fieldSelector", "labelSelector"];
const reading = [
  "allowWatchBookmarks",
  "continue",
  ...selection,
  "limit",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "timeoutSeconds",
  "watch",
];
const writing = ["dryRun", "fieldManager", "fieldValidation"];
const deleting = [
  "dryRun",
  "gracePeriodSeconds",
  "ignoreStoreReadErrorWithClusterBreakingPotential",
  "orphanDependents",
  "propagationPolicy",
];
const deletingMany = [...deleting, ...reading.filter((name) => name !== "allowWatchBookmarks" && name !== "watch")];
const listTypes = ["application/json", "application/yaml", "application/json;stream=watch"];

/** All paths of one resource, its watches and its subresources. `patches`: the media types of patches, where not all are taken. */
export function pathsOf(
  info: ResourceInfo,
  version: OpenApiVersion,
  definitions: Definitions,
  patches?: readonly string[],
): Record<string, Definition> {
  const object = definitions.reference(`${info.folder}.${info.kind}`);
  const collection = collectionActions(info, object, definitions);
  const single = singleActions(info, object, definitions);
  const paths: Record<string, Definition> = {};
  const add = (path: string, of: ResourceInfo, suffix: string, actions: readonly Action[], names: string[]): void => {
    const taking = actions.map((action) =>
      action.method === "patch" && patches ? { consumes: patches, ...action } : action,
    );
    if (taking.length > 0) paths[path] = pathItem(of, suffix, taking, version, names);
  };
  add(pathTo(info), info, "", collection, []);
  add(`${pathTo(info)}/{name}`, info, "", single, ["name"]);
  const everywhere = { ...info, namespaced: false };
  if (info.namespaced)
    add(
      pathTo(everywhere),
      everywhere,
      "ForAllNamespaces",
      collection.filter(({ action }) => action === "list"),
      [],
    );
  if (info.verbs.includes("watch")) {
    const event = definitions.body("WatchEvent");
    const watch: Action = {
      method: "get",
      action: "watchlist",
      name: ["watch", ""],
      response: event,
      parameters: reading,
      produces: listTypes,
      isDeprecated: true,
    };
    add(watched(pathTo(info)), info, "List", [watch], []);
    add(`${watched(pathTo(info))}/{name}`, info, "", [{ ...watch, action: "watch" }], ["name"]);
    if (info.namespaced) add(watched(pathTo(everywhere)), everywhere, "ListForAllNamespaces", [watch], []);
  }
  for (const name of info.subresources) {
    const subresource = subresourceOf(info, name);
    if (!subresource) continue;
    const path = `${pathTo(info)}/{name}/${name}`;
    add(path, info, subresource.suffix, subresourceActions(info, subresource, object, definitions), ["name"]);
    if (subresource.connects?.takesPath)
      add(
        `${path}/{path}`,
        info,
        `${subresource.suffix}WithPath`,
        subresourceActions(info, subresource, object, definitions),
        ["name", "path"],
      );
  }
  return paths;
}

function collectionActions(info: ResourceInfo, object: Definition, definitions: Definitions): Action[] {
  const served = (verb: string): boolean => info.verbs.includes(verb);
  const actions: Action[] = [];
  if (served("list"))
    actions.push({
      method: "get",
      action: "list",
      name: ["list", ""],
      response: definitions.reference(`${info.folder}.${info.kind}List`),
      parameters: reading,
      produces: listTypes,
    });
  if (served("create"))
    actions.push({
      method: "post",
      action: "post",
      name: ["create", ""],
      response: object,
      codes: [200, 201, 202],
      body: object,
      parameters: writing,
    });
  if (served("deletecollection"))
    actions.push({
      method: "delete",
      action: "deletecollection",
      name: ["delete", "Collection"],
      response: definitions.reference("meta/v1.Status"),
      body: definitions.reference("meta/v1.DeleteOptions"),
      parameters: deletingMany,
    });
  return actions;
}

/** Kinds whose deletion answers with what was deleted. */
const answersDeleted = new Set([
  "Pod",
  "PodTemplate",
  "Service",
  "ServiceAccount",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "ResourceQuota",
  "StorageClass",
  "VolumeAttachment",
  "CSIDriver",
  "CSINode",
]);

function singleActions(info: ResourceInfo, object: Definition, definitions: Definitions): Action[] {
  const served = (verb: string): boolean => info.verbs.includes(verb);
  const actions: Action[] = [];
  if (served("get"))
    actions.push({ method: "get", action: "get", name: ["read", ""], response: object, parameters: [] });
  if (served("update")) actions.push(replace(object));
  if (served("patch")) actions.push(patch(object, definitions));
  if (served("delete"))
    actions.push({
      method: "delete",
      action: "delete",
      name: ["delete", ""],
      response: answersDeleted.has(info.kind) ? object : definitions.reference("meta/v1.Status"),
      codes: [200, 202],
      body: definitions.reference("meta/v1.DeleteOptions"),
      parameters: deleting,
    });
  return actions;
}

function replace(object: Definition): Action {
  return {
    method: "put",
    action: "put",
    name: ["replace", ""],
    response: object,
    codes: [200, 201],
    body: object,
    parameters: writing,
  };
}

function patch(object: Definition, definitions: Definitions): Action {
  return {
    method: "patch",
    action: "patch",
    name: ["patch", ""],
    response: object,
    codes: [200, 201],
    body: definitions.body("Patch"),
    parameters: [...writing, "force"],
  };
}

const connectMethods: Readonly<Record<string, string>> = {
  get: "Get",
  post: "Post",
  put: "Put",
  patch: "Patch",
  delete: "Delete",
  head: "Head",
  options: "Options",
};

function subresourceActions(
  info: ResourceInfo,
  subresource: Subresource,
  object: Definition,
  definitions: Definitions,
): Action[] {
  const { connects, type, methods, parameters = [] } = subresource;
  if (connects)
    return methods.map((method) => ({
      method,
      action: "connect",
      name: ["connect", connectMethods[method] ?? ""],
      response: { type: "string" },
      parameters: connects.parameters,
      produces: ["*/*"],
      consumes: ["*/*"],
      type: { group: info.group, version: info.version, kind: connects.kind },
    }));
  const body = type ? definitions.reference(type.schema) : object;
  const typed = type ? { type } : {};
  return methods.map((method): Action => {
    switch (method) {
      case "get":
        return {
          method,
          action: "get",
          name: ["read", ""],
          response: subresource.isText ? { type: "string" } : body,
          parameters,
          ...(subresource.isText && { produces: ["text/plain", "application/json", "application/yaml"] }),
          ...typed,
        };
      case "patch":
        return { ...patch(body, definitions), ...typed };
      case "post":
        return {
          method,
          action: "post",
          name: ["create", ""],
          response: body,
          codes: [200, 201, 202],
          body,
          parameters: writing,
          ...typed,
        };
      default:
        return { ...replace(body), ...typed };
    }
  });
}

function pathTo(info: ResourceInfo): string {
  return `${rootOf(info)}${info.namespaced ? "/namespaces/{namespace}" : ""}/${info.resource}`;
}

function rootOf(info: ResourceInfo): string {
  return info.group === "" ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
}

/** The older path of a watch: `/watch` after the version. */
function watched(path: string): string {
  return path.replace(/^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)/, "$1/watch");
}
