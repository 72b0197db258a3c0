// A question of our own to upstream, for an alias that leads out of the cluster, and the records of its answer.
import packet from "dns-packet";
import type { RecordType as WireType } from "dns-packet";
import type { Record } from "../core/answer.ts";

export function encodeQuestion(name: string, type: string): Buffer {
  return packet.encode({
    type: "query",
    id: 0,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: type as WireType, class: "IN" }],
  });
}

/** Addresses and aliases; other records do not help who asks for an address. */
export function decodeRecords(bytes: Buffer): readonly Record[] {
  return (packet.decode(bytes).answers ?? []).flatMap((record): Record[] => {
    switch (record.type) {
      case "A":
      case "CNAME":
        return [{ type: record.type, name: record.name, data: record.data }];
      default:
        return [];
    }
  });
}
