import { describe, expect, it } from "vitest";
import type { OpenApiV2Part } from "./custom.ts";
import { groupsOfOpenApiV2, mergeOpenApiV2 } from "./merged-version-2.ts";

describe("a document with what other servers say", () => {
  const schema = (name: string): object => ({ $ref: `#/definitions/${name}` });
  const get = (...names: readonly string[]): Record<string, unknown> => ({
    get: { parameters: [{ $ref: "#/parameters/depth" }], responses: { 200: { schema: schema(names[0] ?? "") } } },
    ...(names[1] !== undefined && { put: { responses: { default: { schema: schema(names[1]) } } } }),
  });
  const depth = { name: "depth", in: "query", type: "integer" };
  const kind = (group: string): object => ({ group, version: "v1", kind: "Options" });
  const base = {
    swagger: "2.0",
    paths: { "/api/v1/own": {}, "/apis/taken/": { parameters: [] } },
    definitions: {
      Same: { type: "string" },
      Other: { type: "string" },
      Options: { type: "object", "x-kubernetes-group-version-kind": [kind("a")] },
    },
  };
  const theirs = {
    swagger: "2.0",
    parameters: { depth },
    paths: {
      "/healthz": {},
      "/apis/taken/": get("OnlyThere"),
      "/apis/shop/": get("Order", "Options"),
    },
    definitions: {
      OnlyThere: { type: "string" },
      Order: {
        type: "object",
        properties: { $ref: schema("Same"), default: schema("Other"), list: { items: schema("Order") } },
      },
      Same: { type: "string" },
      Other: { type: "integer", default: { $ref: "#/definitions/Same" } },
      Options: { type: "object", "x-kubernetes-group-version-kind": [kind("a"), kind("b")] },
    },
  };
  const responsesOf = (name: string): object => ({ parameters: [depth], responses: { 200: { schema: schema(name) } } });

  it("has the paths that nobody had before, with their definitions, renamed where they differ", () => {
    const part = groupsOfOpenApiV2(theirs);
    const merged = mergeOpenApiV2(base, [part, part]);
    expect(merged).toEqual({
      swagger: "2.0",
      paths: {
        ...base.paths,
        "/apis/shop/": { get: responsesOf("Order"), put: { responses: { default: { schema: schema("Options") } } } },
      },
      definitions: {
        Same: { type: "string" },
        Other: { type: "string" },
        Other_v2: theirs.definitions.Other,
        Options: theirs.definitions.Options,
        Order: {
          type: "object",
          properties: { $ref: schema("Same"), default: schema("Other_v2"), list: { items: schema("Order") } },
        },
      },
    });
    expect(base.definitions.Options).toEqual({
      type: "object",
      "x-kubernetes-group-version-kind": [kind("a")],
    });
  });

  it("shares a name among those that were renamed alike, and takes the next number else", () => {
    const item = (name: string): object => ({ get: { responses: { 200: { schema: schema(name) } } } });
    const part = (group: string, type: string): OpenApiV2Part =>
      groupsOfOpenApiV2({ paths: { [`/apis/${group}/`]: item("Other") }, definitions: { Other: { type } } });
    const merged = mergeOpenApiV2(base, [part("a", "integer"), part("b", "integer"), part("c", "number")]);
    expect(merged.paths).toEqual({
      ...base.paths,
      "/apis/a/": item("Other_v2"),
      "/apis/b/": item("Other_v2"),
      "/apis/c/": item("Other_v3"),
    });
    expect(merged.definitions).toMatchObject({ Other_v2: { type: "integer" }, Other_v3: { type: "number" } });
  });

  it("is refused where there are no paths", () => {
    expect(() => groupsOfOpenApiV2({ swagger: "2.0" })).toThrow("this is no OpenAPI document");
  });
});
