// From a request to the question that authorizers answer.
import type { RequestInfo, UserInfo } from "../request.ts";
import type { Attributes } from "./attributes.ts";

/** A list or watch of `metadata.name=x` is judged as one of that name, so that a rule with resourceNames (and the node authorizer) allows it. */
export function requestAttributes(user: UserInfo, info: RequestInfo, query: URLSearchParams): Attributes {
  if (!info.isResourceRequest) return { kind: "path", user, verb: info.verb, path: info.path };
  const collection = info.verb === "list" || info.verb === "watch" || info.verb === "deletecollection";
  const fieldSelector = collection ? (query.get("fieldSelector") ?? undefined) : undefined;
  return {
    kind: "resource",
    user,
    verb: info.verb,
    group: info.apiGroup,
    version: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name === "" ? selectedName(fieldSelector) : info.name,
    fieldSelector,
  };
}

function selectedName(fieldSelector: string | undefined): string {
  for (const term of (fieldSelector ?? "").split(",")) {
    const match = /^metadata\.name==?([a-z0-9][a-zA-Z0-9.:-]*)$/.exec(term.trim());
    if (match?.[1] !== undefined) return match[1];
  }
  return "";
}
