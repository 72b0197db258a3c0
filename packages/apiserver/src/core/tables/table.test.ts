import { describe, expect, it } from "vitest";
import { includeObjectOf, tableOf } from "./table.ts";

const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" }, data: {} };
const table = (query: string, meta: string): unknown => {
  const include = includeObjectOf(new URLSearchParams(query));
  return tableOf({ group: "", version: "v1", kind: "ConfigMap" }, [object], {}, include, 0, true, meta);
};

describe("a table", () => {
  it("holds of each object what was asked for, in the version that was asked for", () => {
    const partial = (version: string): object => ({
      kind: "PartialObjectMetadata",
      apiVersion: `meta.k8s.io/${version}`,
      metadata: { name: "a" },
    });
    expect(table("", "v1")).toMatchObject({ apiVersion: "meta.k8s.io/v1", rows: [{ object: partial("v1") }] });
    expect(table("includeObject=Metadata", "v1beta1")).toMatchObject({
      apiVersion: "meta.k8s.io/v1beta1",
      rows: [{ object: partial("v1beta1") }],
    });
    expect(table("includeObject=Object", "v1")).toMatchObject({ rows: [{ object }] });
    expect(table("includeObject=None", "v1")).toMatchObject({ rows: [{ object: null }] });
  });

  it("is refused with what there is none of", () => {
    expect(() => table("includeObject=Everything", "v1")).toThrow(
      `Unable to convert to Table as requested: includeObject: Invalid value: "Everything": must be 'Metadata', 'Object', 'None', or empty`,
    );
  });
});
