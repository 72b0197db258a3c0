import { describe, expect, it } from "vitest";
import { readRequestInfo } from "./request-info.ts";

const read = (method: string, url: string): string => {
  const [path = "", query = ""] = url.split("?");
  const { verb, apiGroup, apiVersion, namespace, resource, subresource, name, rest, isResourceRequest } =
    readRequestInfo(method, path, new URLSearchParams(query));
  if (!isResourceRequest) return `${verb} path`;
  return `${verb} ${apiGroup}/${apiVersion} ns=${namespace} ${resource}${subresource && `/${subresource}`} name=${name}${rest && ` rest=${rest}`}`;
};

describe("readRequestInfo", () => {
  it.each([
    ["GET /api/v1/pods", "list /v1 ns= pods name="],
    ["GET /api/v1/pods?watch=1", "watch /v1 ns= pods name="],
    ["GET /api/v1/pods?watch=false", "list /v1 ns= pods name="],
    ["GET /api/v1/namespaces/x/pods/p", "get /v1 ns=x pods name=p"],
    ["HEAD /api/v1/namespaces/x/pods/p", "get /v1 ns=x pods name=p"],
    ["GET /api/v1/namespaces", "list /v1 ns= namespaces name="],
    ["GET /api/v1/namespaces/x", "get /v1 ns=x namespaces name=x"],
    ["PUT /api/v1/namespaces/x/finalize", "update /v1 ns=x namespaces/finalize name=x"],
    ["DELETE /apis/apps/v1/namespaces/x/deployments", "deletecollection apps/v1 ns=x deployments name="],
    ["PATCH /apis/apps/v1/namespaces/x/deployments/d/scale", "patch apps/v1 ns=x deployments/scale name=d"],
    ["POST /api/v1/namespaces/x/pods/p/proxy/a/b%20c/", "create /v1 ns=x pods/proxy name=p rest=a/b%20c/"],
    ["GET /api/v1/nodes/n/proxy/metrics", "get /v1 ns= nodes/proxy name=n rest=metrics"],
    ["GET /api/v1/watch/namespaces/x/pods", "watch /v1 ns=x pods name="],
    ["GET /apis", "get path"],
    ["GET /apis/apps", "get path"],
    ["GET /apis/apps/v1", "get path"],
    ["GET /healthz", "get path"],
  ])("readRequestInfo reads %s", (line, wanted) => {
    const [method = "", url = ""] = line.split(" ");
    expect(read(method, url)).toBe(wanted);
  });
});
