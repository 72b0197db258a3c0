import SwaggerParser from "@apidevtools/swagger-parser";
import { describe, expect, it } from "vitest";
import type { ResourceInfo } from "../resource-info.ts";
import { openApiDiscoveryNames, openApiDiscoveryV3, openApiV2, openApiV3 } from "./documents.ts";
import { openApiV2OfCustom, openApiV3OfCustom } from "./custom.ts";
import { joinOpenApiV2 } from "./custom-version-2.ts";
import { encodeOpenApiV2 } from "./protobuf.ts";

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly "x-kubernetes-action"?: string;
  readonly "x-kubernetes-group-version-kind"?: object;
  readonly parameters?: readonly { readonly name: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

type Patchable = Readonly<
  Record<
    string,
    { readonly patch?: { readonly consumes?: object; readonly requestBody?: { readonly content: object } } }
  >
>;

const v2 = openApiV2("v1");
const paths = v2.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
const definitions = v2["definitions"] as Readonly<Record<string, Record<string, unknown>>>;

const info: ResourceInfo = {
  folder: "example.com/v1",
  group: "example.com",
  version: "v1",
  resource: "foos",
  kind: "Foo",
  singular: "foo",
  namespaced: true,
  verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  shortNames: [],
  categories: [],
  subresources: ["status"],
};

describe("the OpenAPI documents", () => {
  it("of version 2 are what a parser of OpenAPI takes them for", { timeout: 60_000 }, async () => {
    await expect(
      SwaggerParser.validate(structuredClone(v2) as never, { dereference: { circular: "ignore" } }),
    ).resolves.toBeDefined();
  });

  it.each(["/v1", "autoscaling/v2", "apiextensions.k8s.io/v1"])(
    "of version 3 for %s are what a parser of OpenAPI takes them for",
    { timeout: 60_000 },
    async (groupVersion) => {
      const [group = "", version = ""] = groupVersion.split("/");
      const document = openApiV3(group, version, "v1");
      await expect(
        SwaggerParser.validate(structuredClone(document) as never, { dereference: { circular: "ignore" } }),
      ).resolves.toBeDefined();
    },
  );

  it.each(["api", "apis", "apis/apps"])(
    "of version 3 for %s say how to ask what there is",
    { timeout: 60_000 },
    async (name) => {
      const document = openApiDiscoveryV3(name, "v1");
      expect(openApiDiscoveryNames).toContain(name);
      expect(Object.keys(document.paths)).toEqual([`/${name}/`]);
      await expect(SwaggerParser.validate(structuredClone(document) as never)).resolves.toBeDefined();
    },
  );

  it("name every operation once", () => {
    const names = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap(({ operationId }) => (operationId === undefined ? [] : [operationId])),
    );
    expect(names.length).toBeGreaterThan(700);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each([
    ["get", "/apis/apps/v1/namespaces/{namespace}/deployments", "listAppsV1NamespacedDeployment", "list"],
    ["get", "/apis/apps/v1/deployments", "listAppsV1DeploymentForAllNamespaces", "list"],
    ["delete", "/api/v1/namespaces/{namespace}/pods", "deleteCoreV1CollectionNamespacedPod", "deletecollection"],
    ["patch", "/api/v1/nodes/{name}/status", "patchCoreV1NodeStatus", "patch"],
    ["get", "/api/v1/namespaces/{namespace}/pods/{name}/exec", "connectCoreV1GetNamespacedPodExec", "connect"],
    ["get", "/api/v1/watch/namespaces/{namespace}/pods/{name}", "watchCoreV1NamespacedPod", "watch"],
    ["get", "/api/v1/namespaces/{namespace}/pods/{name}/log", "readCoreV1NamespacedPodLog", "get"],
    ["post", "/api/v1/namespaces/{namespace}/pods/{name}/eviction", "createCoreV1NamespacedPodEviction", "post"],
    ["get", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "listRbacAuthorizationV1ClusterRole", "list"],
    ["get", "/apis/apps/v1/", "getAppsV1APIResources", undefined],
    ["get", "/apis/apps/", "getAppsAPIGroup", undefined],
    ["get", "/apis/", "getAPIVersions", undefined],
    ["get", "/api/", "getCoreAPIVersions", undefined],
  ])("call %s %s %s", (method, path, name, action) => {
    const operation = paths[path]?.[method];
    expect([operation?.operationId, operation?.["x-kubernetes-action"]]).toEqual([name, action]);
  });

  it("say which kind an operation speaks of", () => {
    const scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]?.["get"];
    expect(scale?.["x-kubernetes-group-version-kind"]).toEqual({ group: "autoscaling", version: "v1", kind: "Scale" });
    const exec = paths["/api/v1/namespaces/{namespace}/pods/{name}/exec"]?.["post"];
    expect(exec?.["x-kubernetes-group-version-kind"]).toEqual({ group: "", version: "v1", kind: "PodExecOptions" });
    expect(exec?.tags).toEqual(["core_v1"]);
  });

  it("let kubectl see that fields are checked on every write", () => {
    for (const [path, item] of Object.entries(paths))
      for (const method of ["post", "put", "patch"]) {
        const operation = item[method];
        if (operation === undefined || operation["x-kubernetes-action"] === "connect") continue;
        const names = operation.parameters?.map(({ name }) => name) ?? [];
        expect([path, method, names.includes("fieldValidation")]).toEqual([path, method, true]);
      }
  });

  it("name what operations take and make as far as generators need it: no descriptions of parameters, no protobuf", () => {
    const list = paths["/api/v1/namespaces/{namespace}/pods"]?.["get"];
    expect(list).toMatchObject({ produces: ["application/json", "application/yaml", "application/json;stream=watch"] });
    expect(list?.parameters).toContainEqual({ name: "watch", in: "query", uniqueItems: true, type: "boolean" });
  });

  it("keep how lists merge, what is required and what is taken when nothing is given", () => {
    const spec = definitions["io.k8s.api.core.v1.PodSpec"] as {
      properties: Record<string, object>;
      required: string[];
    };
    expect(spec.required).toEqual(["containers"]);
    expect(spec.properties["containers"]).toMatchObject({
      type: "array",
      items: { $ref: "#/definitions/io.k8s.api.core.v1.Container" },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
    });
    const port = definitions["io.k8s.api.core.v1.ContainerPort"] as { properties: Record<string, object> };
    expect(port.properties["protocol"]).toMatchObject({ type: "string", default: "TCP" });
    expect(definitions["io.k8s.api.apps.v1.Deployment"]?.["x-kubernetes-group-version-kind"]).toEqual([
      { group: "apps", version: "v1", kind: "Deployment" },
    ]);
  });

  it("of version 2 as protobuf hold the same paths and definitions", () => {
    const document = fieldsOf(encodeOpenApiV2(v2));
    expect(text(document.get(1)?.[0])).toBe("2.0");
    const inside = (number: number, entry: number): string[] =>
      (fieldsOf(document.get(number)?.[0] ?? new Uint8Array()).get(entry) ?? []).map((bytes) =>
        text(fieldsOf(bytes).get(1)?.[0]),
      );
    expect(inside(8, 2)).toEqual(Object.keys(paths));
    expect(inside(9, 1)).toEqual(Object.keys(definitions));
  });

  it.each([
    ["2", openApiV2OfCustom([{ info, listKind: "FooList", schema: undefined }]).paths],
    ["3", openApiV3OfCustom([{ info, listKind: "FooList", schema: undefined }], "v1").paths as object],
  ])("of version %s offer no strategic merge of custom kinds: kubectl would take it", (_version, custom) => {
    const types = ["", "/status"].map((below) => {
      const patch = (custom as Patchable)[`/apis/example.com/v1/namespaces/{namespace}/foos/{name}${below}`]?.patch;
      return patch?.consumes ?? Object.keys(patch?.requestBody?.content ?? {});
    });
    const taken = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
    expect(types).toEqual([taken, taken]);
  });

  it("of version 2 describe custom kinds as kubectl understands it", () => {
    const schema = {
      description: "Foo.",
      type: "object",
      required: ["spec", "maybe"],
      properties: {
        maybe: { type: "string", nullable: true, description: "Or null." },
        spec: {
          type: "object",
          properties: {
            port: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
            list: { type: "array", default: [1, 2], items: { type: "integer" } },
            map: { type: "object", additionalProperties: { type: "string", not: { enum: ["no"] } } },
            open: {
              type: "object",
              "x-kubernetes-preserve-unknown-fields": true,
              properties: { a: { type: "string" } },
            },
          },
        },
      },
    };
    const open = { ...info, resource: "bars", kind: "Bar" };
    const more = openApiV2OfCustom([
      { info, listKind: "FooList", schema },
      { info: open, listKind: "BarList", schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    ]);
    expect(more.definitions["com.example.v1.Bar"]).toEqual({
      type: "object",
      "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Bar" }],
    });
    expect(more.definitions["com.example.v1.Foo"]).toMatchObject({
      description: "Foo.",
      required: ["spec"],
      properties: {
        apiVersion: { type: "string" },
        metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
      },
    });
    const properties = more.definitions["com.example.v1.Foo"]?.["properties"] as Record<string, object> | undefined;
    expect(properties?.["maybe"]).toEqual({ description: "Or null." });
    expect(properties?.["spec"]).toEqual({
      type: "object",
      properties: {
        port: { "x-kubernetes-int-or-string": true },
        list: { type: "array", default: [1, 2], items: { type: "integer" } },
        map: { type: "object", additionalProperties: { type: "string" } },
        open: { "x-kubernetes-preserve-unknown-fields": true },
      },
    });
    const joined = joinOpenApiV2(new TextEncoder().encode(JSON.stringify(v2)), more);
    expect(JSON.parse(text(joined))).toEqual({
      ...v2,
      paths: { ...more.paths, ...paths },
      definitions: { ...definitions, ...more.definitions },
    });
    expect(Object.keys(more.paths)).toContain("/apis/example.com/v1/namespaces/{namespace}/foos/{name}/status");
  });
});

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

/** The fields of a message that have a length, by number. */
function fieldsOf(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const found = new Map<number, Uint8Array[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    if (key % 8 === 0) {
      varint();
      continue;
    }
    const length = varint();
    const number = Math.floor(key / 8);
    found.set(number, [...(found.get(number) ?? []), bytes.subarray(at, at + length)]);
    at += length;
  }
  return found;
}
