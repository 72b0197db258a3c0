import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeForStore, withRevision } from "./encoding.ts";

describe("withRevision", () => {
  it("withRevision shows the stored object with its revision, whatever its names and values are", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.nat(), (rest, name, revision) => {
        const object = { ...rest, kind: "K", apiVersion: "v1", metadata: { name } };
        const { bytes, itemAt } = withRevision(encodeForStore(object), revision, "<<", ">>");
        const text = bytes.toString();
        const decoded = JSON.parse(text.slice(2, -2)) as Record<string, unknown>;
        const wanted = JSON.parse(
          JSON.stringify({ ...object, metadata: { name, resourceVersion: String(revision) } }),
        ) as Record<string, unknown>;
        expect(decoded).toEqual(wanted);
        const item = JSON.parse(`{${bytes.subarray(itemAt, -2).toString()}`) as Record<string, unknown>;
        const { kind: _kind, apiVersion: _apiVersion, ...members } = wanted;
        expect(item).toEqual(members);
      }),
    );
  });

  it("withRevision reads values that others wrote in another order", () => {
    const { bytes } = withRevision(
      Buffer.from('{"data":{"metadata":{}},"metadata":{},"apiVersion":"v1","kind":"K"}'),
      7,
    );
    expect(JSON.parse(bytes.toString())).toEqual({
      kind: "K",
      apiVersion: "v1",
      metadata: { resourceVersion: "7" },
      data: { metadata: {} },
    });
  });
});
