import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compare, keyValue, putRequest, rangeRequest, responseHeader, txnRequest } from "../messages/kv.ts";
import { leaseTimeToLiveResponse } from "../messages/lease.ts";
import { watchCreateRequest, watchResponse } from "../messages/watch.ts";
import { decode, encode, walkTable } from "./message.ts";
import type { Field, Message, Shape } from "./message.ts";
import { WireError } from "./reader.ts";

function scalar(field: Field<unknown>): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "bytes":
      return fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 20 });
    case "bool":
      return fc.boolean();
    case "int64":
      return fc.maxSafeInteger();
    case "uint32":
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case "signedId":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case "unsignedId":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "enum":
      return fc.constantFrom(...(field.names ?? []));
    case "message":
      return valueOf((field.of as () => Message<unknown>)().shape);
  }
}

function valueOf(shape: Shape): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(
      Object.entries(shape).map(([property, field]) => {
        const one = scalar(field);
        if (field.label === "repeated") return [property, fc.array(one, { maxLength: 3 })];
        return [
          property,
          field.label === "optional" || field.kind === "message" ? fc.option(one, { nil: undefined }) : one,
        ];
      }),
    ),
  );
}

const flat: readonly Message<unknown>[] = [
  keyValue,
  responseHeader,
  putRequest,
  rangeRequest,
  compare,
  watchCreateRequest,
  watchResponse,
  leaseTimeToLiveResponse,
];

describe("a message", () => {
  test.each(flat.map((message) => [message.name, message] as const))(
    "%s decodes to what was encoded, by its table and by its straight-line code alike",
    (_name, message) => {
      const table = { ...message, ...walkTable<unknown>(message.shape) };
      fc.assert(
        fc.property(valueOf(message.shape), (value) => {
          const bytes = encode(message, value);
          expect(decode(message, bytes)).toEqual(value);
          expect(encode(table, value)).toEqual(bytes);
          expect(decode(table, bytes)).toEqual(value);
        }),
        { numRuns: 200 },
      );
    },
  );

  test("is written byte for byte as protobuf has it", () => {
    const bytes = encode(txnRequest, {
      compare: [{ key: "k", target: "MOD", result: "GREATER", modRevision: 0 }],
      success: [{ requestPut: { key: "k", value: "v", lease: -1n } }],
    });
    expect(bytes.toString("hex")).toBe(
      "0a0908011002" + "1a016b" + "3000" + "1213" + "1211" + "0a016b" + "120176" + "18ffffffffffffffffff01",
    );
  });

  test("passes over fields it does not know, of every wire type", () => {
    const unknown = Buffer.from("f80101" + "f9010102030405060708" + "fa0102abcd" + "fd0101020304", "hex");
    expect(decode(keyValue, Buffer.concat([unknown, encode(keyValue, { key: "k" }), unknown]))).toMatchObject({
      key: Buffer.from("k"),
    });
  });

  test("that is cut short or garbled is refused as such, never read as something else's end", () => {
    const whole = encode(putRequest, { key: "key", value: "value", lease: 300n });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: whole.length - 1 }), (length) => {
        try {
          const part = decode(putRequest, whole.subarray(0, length));
          expect([part.key.length, part.value.length]).toEqual([
            part.key.length === 0 ? 0 : 3,
            part.value.length === 0 ? 0 : 5,
          ]);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
    expect(() => decode(putRequest, Buffer.from("0affffffff0f", "hex"))).toThrow(WireError);
  });

  test("names an enum's unknown value instead of guessing", () => {
    expect(decode(rangeRequest, Buffer.from("2863", "hex")).sortOrder).toBe("UNRECOGNIZED");
  });
});
