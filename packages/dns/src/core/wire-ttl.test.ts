import { describe, expect, it } from "vitest";
import fc from "fast-check";
import packet from "dns-packet";
import { aged, wireTimes } from "./wire-ttl.ts";

const message = packet.encode({
  type: "response",
  id: 1,
  questions: [{ type: "A", name: "a.example" }],
  answers: [
    { type: "CNAME", name: "a.example", ttl: 300, data: "b.example" },
    { type: "A", name: "b.example", ttl: 20, data: "192.0.2.1" },
  ],
  additionals: [
    {
      type: "OPT",
      name: ".",
      udpPayloadSize: 1232,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    },
  ],
});

describe("wireTimes", () => {
  it("wireTimes finds every time to live but not the OPT record's field", () => {
    const times = wireTimes(message);
    expect(times).toMatchObject({ smallestTtl: 20, questionEnd: 27 });
    const older = times ? packet.decode(Buffer.from(aged(message, times, 30))) : undefined;
    expect(older?.answers?.map((record) => ("ttl" in record ? record.ttl : undefined))).toEqual([270, 0]);
  });

  it("wireTimes takes the minimum of a negative answer's SOA", () => {
    const soa = { mname: "n", rname: "r", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 7 };
    expect(
      wireTimes(
        packet.encode({
          type: "response",
          questions: [{ type: "A", name: "x" }],
          authorities: [{ type: "SOA", name: "x", ttl: 60, data: soa }],
        }),
      )?.smallestTtl,
    ).toBe(7);
  });

  it("wireTimes never fails, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        wireTimes(bytes);
        wireTimes(Uint8Array.from([...message.subarray(0, 20), ...bytes]));
      }),
    );
  });
});
