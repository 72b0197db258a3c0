import { schemas } from "@coxswain/api";
import { describe, expect, it } from "vitest";
import { readEnvelope, readMessage } from "./protobuf.ts";
import { writeItem, writeListHead, writeProtobuf, writeWatchFrame } from "./protobuf-writer.ts";

const metadata = { name: "a", namespace: "n", labels: { x: "y" }, creationTimestamp: "2026-01-02T03:04:05Z" };
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata,
  spec: {
    containers: [
      {
        name: "c",
        resources: { limits: { cpu: "100m" } },
        livenessProbe: { httpGet: { port: "web" } },
        readinessProbe: { httpGet: { port: 80 } },
      },
    ],
    volumes: [{ name: "v", emptyDir: {} }],
  },
};
const hex = (bytes: Buffer): string => bytes.toString("latin1");
const read = (name: string, raw: Buffer): unknown => readMessage(schemas.get(name), raw);

describe("protobuf on its way out", () => {
  it("has the bytes that Go writes, but for empty members", () => {
    // "k8s\0", then { 1: { 1: "v1", 2: "ConfigMap" }, 2: { 1: { 1: "a" }, 2: { 1: "k", 2: "v" } } }.
    expect(
      hex(writeProtobuf({ apiVersion: "v1", kind: "ConfigMap", ...{ metadata: { name: "a" }, data: { k: "v" } } })),
    ).toBe("k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x0d\x0a\x03\x0a\x01a\x12\x06\x0a\x01k\x12\x01v");
  });

  it("writes a resource's verbs as Go does, a message within", () => {
    const resources = [{ name: "a", singularName: "", namespaced: true, kind: "A", verbs: ["get", "list"] }];
    const { raw } = readEnvelope(
      writeProtobuf({ apiVersion: "v1", kind: "APIResourceList", ...{ groupVersion: "b/v1", resources } }),
    );
    expect(hex(raw)).toContain("\x22\x0b\x0a\x03get\x0a\x04list");
    expect(read("meta/v1.APIResourceList", raw)).toEqual({ groupVersion: "b/v1", resources });
  });

  it("is the object again when it is read", () => {
    const { raw, ...type } = readEnvelope(writeProtobuf(pod));
    expect({ ...type, ...(read("core/v1.Pod", raw) as object) }).toEqual(pod);
  });

  it("keeps negative numbers, times with fractions and numbers beyond 2^53", () => {
    const lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "a", generation: 9_007_199_254_740_993n },
      spec: { renewTime: "1969-12-31T23:59:59.000007Z", leaseTransitions: -5 },
    };
    const { raw, ...type } = readEnvelope(writeProtobuf(lease));
    expect({ ...type, ...(read("coordination/v1.Lease", raw) as object) }).toEqual(lease);
  });

  it("wraps Status, metadata alone and lists of it", () => {
    const status = { apiVersion: "v1", kind: "Status", metadata: {}, status: "Failure", code: 404 };
    expect(read("meta/v1.Status", readEnvelope(writeProtobuf(status)).raw)).toEqual({
      metadata: {},
      status: "Failure",
      code: 404,
    });
    const partial = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
    const list = {
      ...partial,
      kind: "PartialObjectMetadataList",
      metadata: { resourceVersion: "7" },
      items: [partial],
    };
    const { kind, raw } = readEnvelope(writeProtobuf(list));
    const whole = Buffer.concat([
      writeListHead({ ...list, metadata: { resourceVersion: "7" } }, writeItem(partial).length),
      writeItem(partial),
    ]);
    expect([kind, hex(readEnvelope(whole).raw)]).toEqual(["PartialObjectMetadataList", hex(raw)]);
  });

  it("frames events with their length", () => {
    const frame = writeWatchFrame("ADDED", pod);
    const message = frame.subarray(4);
    expect(frame.readUInt32BE()).toBe(message.length);
    expect(hex(message.subarray(0, 7))).toBe("\x0a\x05ADDED");
    expect(hex(message).endsWith(hex(writeProtobuf(pod)))).toBe(true);
  });

  it("goes on after an object that cannot be written", () => {
    expect(() => writeProtobuf({ apiVersion: "x.io/v1", kind: "Thing" })).toThrow("no protobuf of x.io/v1 Thing");
    expect(readEnvelope(writeProtobuf(pod)).kind).toBe("Pod");
  });
});
