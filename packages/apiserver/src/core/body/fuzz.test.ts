// Bodies that nobody would send on purpose: whatever they are, they become an object of the expected kind or a Status of 400 or 415.
import { findSchema } from "@coxswain/api";
import { StatusError } from "@coxswain/apimachinery";
import type { StructSchema } from "@coxswain/apimachinery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeObject, parseBody } from "./decode-body.ts";

const type = { group: "", version: "v1", kind: "Pod" };

function read(body: Buffer, contentType: string): unknown {
  try {
    const parsed = parseBody(body, contentType, type.kind);
    return decodeObject(parsed, type, schemaOfPods(), "Strict", () => undefined).kind;
  } catch (error) {
    if (error instanceof StatusError) return error.status.code;
    throw error;
  }
}

function schemaOfPods(): StructSchema {
  const schema = findSchema(type);
  if (!schema) throw new Error("no pods");
  return schema;
}

const key = fc.constantFrom(
  ..."kind apiVersion metadata name labels spec containers image env ports containerPort volumes status phase".split(
    " ",
  ),
  ..."__proto__ constructor toString creationTimestamp resources limits cpu livenessProbe httpGet port".split(" "),
);
const leaf = fc.constantFrom<unknown>(null, true, 0, -1, 1e300, 2 ** 53, "", "Pod", "v1", "1", "100m", "\ud800", []);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 7 },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc
      .array(fc.tuple(key, tie("value")), { maxLength: 6 })
      .map(
        (members) =>
          JSON.parse(`{${members.map(([name, member]) => `"${name}":${JSON.stringify(member)}`).join()}}`) as unknown,
      ),
  ),
}));
const expected = ["Pod", 400];

describe("whatever is sent as a body", () => {
  it("JSON of any shape is a pod or a bad request", () => {
    fc.assert(
      fc.property(value, (given) => {
        const text = Buffer.from(JSON.stringify(given));
        expect(expected).toContain(read(text, "application/json"));
        expect(expected).toContain(read(text, "application/yaml"));
      }),
      { numRuns: 1000 },
    );
  });

  it("text that was changed on the way is a pod or a bad request", () => {
    const whole =
      '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{"b":"c"}},"spec":{"containers":[{"name":"d"}]}}';
    const change = fc.tuple(fc.nat(whole.length), fc.nat(8), fc.string({ unit: "binary", maxLength: 4 }));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("json", "yaml"),
        (changes, format) => {
          const text = changes.reduce((so, [at, drop, put]) => so.slice(0, at) + put + so.slice(at + drop), whole);
          expect(expected).toContain(read(Buffer.from(text), `application/${format}`));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("protobuf of any bytes is a pod or a bad request", () => {
    const envelope = Buffer.from("k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12", "latin1");
    const message = fc
      .uint8Array({ maxLength: 120 })
      .map((bytes) => Buffer.concat([envelope, Buffer.from([bytes.length]), bytes]));
    const any = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from("k8s\0"), bytes]));
    fc.assert(
      fc.property(fc.oneof(message, any), (bytes) => {
        expect(expected).toContain(read(bytes, "application/vnd.kubernetes.protobuf"));
      }),
      { numRuns: 3000 },
    );
  });
});
