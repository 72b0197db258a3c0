// Reads a path and a method in the words of the API, as Kubernetes' `RequestInfoFactory` does. It asks nothing about
// whether the resource exists.
import type { RequestInfo } from "./request.ts";

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};
const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);

export function readRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const segments = path.split("/").filter((segment) => segment !== "");
  const prefix = segments[0];
  const plain = nonResource(method, path);
  if (prefix !== "api" && prefix !== "apis") return plain;
  // /api/v1/… and /apis/group/version/…; anything shorter is discovery.
  const groupParts = prefix === "api" ? 1 : 2;
  if (segments.length < 2 + groupParts) return plain;
  const apiGroup = prefix === "api" ? "" : decode(segments[1]);
  const apiVersion = decode(segments[groupParts]);
  let parts = segments.slice(1 + groupParts).map(decode);

  let verb = verbs[method] ?? "";
  let special = false;
  if (parts[0] === "watch" || (parts[0] === "proxy" && parts.length > 1)) {
    verb = parts[0];
    special = true;
    parts = parts.slice(1);
    if (parts.length === 0) return plain;
  }
  let namespace = "";
  if (parts[0] === "namespaces") {
    if (parts.length > 1) {
      namespace = parts[1] ?? "";
      if (parts.length > 2 && !namespaceSubresources.has(parts[2] ?? "")) parts = parts.slice(2);
    }
  }
  const [resource = "", name = "", subresource = ""] = parts;
  if (name === "" && !special) {
    if (verb === "get") verb = isTrue(query.get("watch")) ? "watch" : "list";
    if (verb === "delete") verb = "deletecollection";
  }
  const restAt = findRest(path, 1 + groupParts + (segments.length - 1 - groupParts - parts.length) + 3);
  return {
    isResourceRequest: true,
    verb,
    path,
    apiPrefix: prefix,
    apiGroup,
    apiVersion,
    // The namespace object itself is cluster-scoped in storage, but authorized within itself, as in Kubernetes.
    namespace,
    resource,
    subresource,
    name,
    rest: restAt,
  };
}

const streaming: ReadonlySet<string> = new Set(["log", "exec", "attach", "portforward", "proxy"]);

const readingVerbs: ReadonlySet<string> = new Set(["get", "list", "head", "watch"]);

/** Changes nothing; what it would if it were let is not asked. */
export function isReading({ verb }: RequestInfo): boolean {
  return readingVerbs.has(verb);
}

/** Watches and streams last as long as they like. */
export function isLongRunning({ verb, subresource }: RequestInfo): boolean {
  return verb === "watch" || verb === "proxy" || streaming.has(subresource);
}

export function isTrue(text: string | null): boolean {
  return text !== null && text !== "0" && text.toLowerCase() !== "false";
}

function nonResource(method: string, path: string): RequestInfo {
  const verb = method.toLowerCase();
  return {
    isResourceRequest: false,
    verb,
    path,
    apiPrefix: "",
    apiGroup: "",
    apiVersion: "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
    rest: "",
  };
}

/** What follows `count` segments, as it was written: a trailing slash and escapes matter to whoever is behind the proxy. */
function findRest(path: string, count: number): string {
  let at = 0;
  for (let segment = 0; segment < count; segment += 1) {
    at = path.indexOf("/", at + 1);
    if (at < 0) return "";
  }
  return path.slice(at + 1);
}

function decode(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? "");
  } catch {
    return segment ?? "";
  }
}
