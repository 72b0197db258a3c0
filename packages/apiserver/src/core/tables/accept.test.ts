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
      "partial protobuf",
    ],
    ["application/vnd.kubernetes.protobuf,application/json", "object protobuf"],
    ["application/json,application/vnd.kubernetes.protobuf", "object json"],
    ["application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", "object json"],
    [
      "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io,application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
      "partial json",
    ],
    ["application/json;q=0.1,application/yaml", "object yaml"],
    ["application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "object json"],
  ])("readAccept reads %s", (header, wanted) => {
    expect(read(header)).toBe(wanted);
  });

  it("readAccept refuses what cannot be made", () => {
    for (const alone of [
      "text/html",
      "application/cbor",
      "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    ])
      expect(() => read(alone)).toThrow(
        "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
      );
  });

  it("readAccept makes no protobuf of kinds without, but of their metadata", () => {
    const makeable = { transforms: true, protobuf: () => false };
    const readCustom = (header: string): string =>
      readAccept(header, new URLSearchParams(), "client-go", makeable).format;
    expect(readCustom("application/vnd.kubernetes.protobuf,application/json")).toBe("json");
    expect(readCustom("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")).toBe(
      "protobuf",
    );
    expect(() => readCustom("application/vnd.kubernetes.protobuf")).toThrow(
      /accepted: application\/json, application\/yaml$/,
    );
  });

  it("readAccept tells which version of tables and metadata is asked for", () => {
    const meta = (header: string): string => readAccept(header, new URLSearchParams(), "kubectl").meta;
    expect(meta("application/json;as=Table;v=v1beta1;g=meta.k8s.io")).toBe("v1beta1");
    expect(meta("application/json;as=Table;v=v1;g=meta.k8s.io")).toBe("v1");
  });
});
