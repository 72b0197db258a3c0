import { describe, expect, it } from "vitest";
import { readAccept } from "./accept.ts";

const read = (header: string | undefined): string => {
  const { as, format } = readAccept(header, new URLSearchParams(), "kubectl");
  return `${as} ${format}`;
};

describe("readAccept", () => {
  it.each([
    [undefined, "object json"],
    ["*/*", "object json"],
    ["application/yaml", "object yaml"],
    ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "table json"],
    [
      "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
      "partial json",
    ],
    ["application/vnd.kubernetes.protobuf,application/json", "object json"],
    ["application/json;q=0.1,application/yaml", "object yaml"],
    ["application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "object json"],
  ])("readAccept reads %s", (header, wanted) => {
    expect(read(header)).toBe(wanted);
  });

  it("readAccept refuses what cannot be made", () => {
    for (const alone of ["text/html", "application/vnd.kubernetes.protobuf"])
      expect(() => read(alone)).toThrow(
        "only the following media types are accepted: application/json, application/yaml",
      );
  });
});
