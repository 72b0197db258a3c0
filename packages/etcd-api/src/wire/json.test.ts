// The JSON of the gateway: what is written is etcd's, what is read is anything proto3 allows, and nothing gets lost between.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { putRequest, rangeResponse, txnRequest } from "../messages/kv.ts";
import { leaseGrantRequest } from "../messages/lease.ts";
import { alarmRequest } from "../messages/maintenance.ts";
import { fromJson, toJson } from "./json.ts";
import { decode, encode } from "./message.ts";

describe("messages as JSON", () => {
  test("have proto's names, text for 64-bit numbers, base64 for bytes, and no defaults", () => {
    expect(
      toJson(rangeResponse, {
        header: { clusterId: 0xffff_ffff_ffff_ffffn, revision: 5 },
        kvs: [{ key: "a", modRevision: 2, value: "\xff", lease: -1n }, {}],
        more: true,
        count: 0,
      }),
    ).toEqual({
      header: { cluster_id: "18446744073709551615", revision: "5" },
      kvs: [{ key: "YQ==", mod_revision: "2", value: "w78=", lease: "-1" }, {}],
      more: true,
    });
    expect(toJson(leaseGrantRequest, { id: 7n, ttl: 60 })).toEqual({ TTL: "60", ID: "7" });
  });

  test("are read by either name, of numbers and text, and of enums by name and number", () => {
    expect(
      fromJson(alarmRequest, '{"memberID": 18446744073709551615, "alarm": 1, "action": "ACTIVATE", "x": 1}'),
    ).toEqual({
      memberId: 0xffff_ffff_ffff_ffffn,
      alarm: "NOSPACE",
      action: "ACTIVATE",
    });
    expect(fromJson(putRequest, '{"key": "_-8", "prevKv": true, "ignore_lease": null}')).toMatchObject({
      key: Buffer.from([0xff, 0xef]),
      prevKv: true,
      ignoreLease: false,
    });
  });

  test.each([
    ["{", "JSON"],
    ["[]", "PutRequest: expected an object, found []"],
    ['{"key": 5}', "PutRequest.key: expected base64, found 5"],
    ['{"lease": "x"}', 'PutRequest.lease: expected a 64-bit number, found "x"'],
    ['{"prev_kv": "yes"}', 'PutRequest.prev_kv: expected true or false, found "yes"'],
  ])("refuse %s", (text, message) => {
    expect(() => fromJson(putRequest, text)).toThrow(message);
  });

  test("lose nothing of what a transaction says", () => {
    const bytes = fc.uint8Array({ maxLength: 4 }).map((each) => Buffer.from(each));
    const operation = fc.oneof(
      fc.record({
        requestPut: fc.record({ key: bytes, value: bytes, lease: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }),
      }),
      fc.record({
        requestRange: fc.record({ key: bytes, limit: fc.nat(), sortOrder: fc.constantFrom("ASCEND" as const) }),
      }),
    );
    const compare = fc.record({ key: bytes, target: fc.constantFrom("VALUE" as const), value: bytes });
    fc.assert(
      fc.property(fc.record({ compare: fc.array(compare), success: fc.array(operation) }), (txn) => {
        const whole = decode(txnRequest, encode(txnRequest, txn));
        expect(fromJson(txnRequest, JSON.stringify(toJson(txnRequest, txn)))).toEqual(whole);
      }),
    );
  });
});
