// What the store keeps in the backend beside mvcc's tables, to bytes and back: how far it has applied the log, who the members are and
// were, which alarms are raised. (Users and roles: core/auth/state.ts; the voting members: io/wal/record.ts.)
import { alarmRequest, decode, encode, member, memberListResponse } from "@coxswain/etcd-api";
import type { Member } from "@coxswain/etcd-api";
import type { Alarms } from "../../core/alarms.ts";
import type { Members } from "../../core/membership.ts";
import type { StoreBackend } from "./level-backend.ts";

export function saveApplied(backend: StoreBackend, index: number, term: number): void {
  backend.putOwn("applied", encodeApplied(index, term));
}

export function encodeApplied(index: number, term: number): Buffer {
  const bytes = Buffer.allocUnsafe(12);
  bytes.writeUIntLE(index, 0, 6);
  bytes.writeUIntLE(term, 6, 6);
  return bytes;
}

export function readApplied(backend: StoreBackend): { index: number; term: number } | undefined {
  const bytes = backend.getOwn("applied");
  if (!bytes) return undefined;
  const buffer = Buffer.from(bytes);
  return { index: buffer.readUIntLE(0, 6), term: buffer.readUIntLE(6, 6) };
}

export function saveMembers(backend: StoreBackend, members: Members, removed: ReadonlySet<bigint>): void {
  backend.putOwn("members", encodeMembers(members.values()));
  backend.putOwn(
    "removed",
    encodeMembers(Array.from(removed, (id) => ({ id, name: "", peerURLs: [], clientURLs: [], isLearner: false }))),
  );
}

export function encodeMembers(members: Iterable<Member>): Buffer {
  return encode(memberListResponse, { members: [...members] });
}

export function readMembers(bytes: Uint8Array | undefined): Members {
  const list = bytes ? decode(memberListResponse, bytes).members : [];
  return new Map(list.map((each): [bigint, Member] => [each.id, decode(member, encode(member, each))]));
}

/** Length and request, one after the other. */
export function encodeAlarms(alarms: Alarms): Buffer {
  return Buffer.concat(
    alarms.flatMap((alarm) => {
      const bytes = encode(alarmRequest, { action: "ACTIVATE", memberId: alarm.memberId, alarm: alarm.alarm });
      return [Buffer.from([bytes.length]), bytes];
    }),
  );
}

export function decodeAlarms(bytes: Uint8Array | undefined): Alarms {
  const alarms: { memberId: bigint; alarm: "NONE" | "NOSPACE" | "CORRUPT" | "UNRECOGNIZED" }[] = [];
  for (let offset = 0; bytes && offset < bytes.length; offset += 1 + (bytes[offset] ?? 0)) {
    const { memberId, alarm } = decode(alarmRequest, bytes.subarray(offset + 1, offset + 1 + (bytes[offset] ?? 0)));
    alarms.push({ memberId, alarm });
  }
  return alarms;
}
