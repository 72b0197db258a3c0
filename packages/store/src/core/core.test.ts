// The store's decisions, each by example; what they are made of is in the files of this folder.
import { decode, encode, txnRequest } from "@coxswain/etcd-api";
import type { Init, Member, TxnRequest } from "@coxswain/etcd-api";
import { openMvcc } from "@coxswain/mvcc";
import { createMemoryBackend } from "@coxswain/mvcc/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeAlarms } from "./alarms.ts";
import { applyCommand } from "./apply.ts";
import type { AppliedState } from "./apply.ts";
import { SimpleTokens } from "./auth/simple-tokens.ts";
import { initialAuth } from "./auth/state.ts";
import { planAutoCompaction } from "./auto-compaction.ts";
import { decodeCommand, encodeCommand } from "./command.ts";
import type { CommandInit } from "./command.ts";
import { planExpiry } from "./expiry.ts";
import { changeMembers, refuseChange } from "./membership.ts";
import type { Outcome } from "./outcome.ts";
import { judgeQuota } from "./quota.ts";
import { checkTxn } from "./txn-check.ts";

const origin = { member: 0xfedc_ba98_7654_3210n, boot: 0xffff_ffff, sequence: 2 ** 40 + 1 };

async function emptyState(): Promise<AppliedState> {
  const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
  return { mvcc, alarms: [], members: new Map(), auth: initialAuth, tokens: new SimpleTokens(1000) };
}

function apply(state: AppliedState, command: CommandInit): Outcome {
  return applyCommand(state, decodeCommand(encodeCommand(origin, command)).command, 0, true, {
    index: 1,
    caller: undefined,
  });
}

const txn = (value: Init<TxnRequest>): TxnRequest => decode(txnRequest, encode(txnRequest, value));
const put = (key: string): { requestPut: { key: string } } => ({ requestPut: { key } });
const del = (key: string, rangeEnd: string = ""): { requestDeleteRange: { key: string; rangeEnd: string } } => ({
  requestDeleteRange: { key, rangeEnd },
});

describe("a command", () => {
  it("comes out of its bytes as it went in, with whoever waits for it", () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.uint8Array(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (key, value, lease) => {
          const decoded = decodeCommand(encodeCommand(origin, { kind: "put", request: { key, value, lease } }));
          expect(decoded.origin).toEqual(origin);
          expect(decoded.command).toMatchObject({
            kind: "put",
            request: { key: Buffer.from(key), value: Buffer.from(value), lease },
          });
        },
      ),
    );
  });
});

describe("applyCommand", () => {
  it("refuses what adds while there is no space, and nothing that takes away", async () => {
    const state = await emptyState();
    apply(state, { kind: "put", request: { key: "a", value: "1" } });
    apply(state, { kind: "alarm", request: { action: "ACTIVATE", memberId: 1n, alarm: "NOSPACE" } });
    expect(apply(state, { kind: "put", request: { key: "b", value: "1" } })).toEqual({ refused: "noSpace" });
    expect(apply(state, { kind: "txn", request: { failure: [{ requestTxn: { success: [put("b")] } }] } })).toEqual({
      refused: "noSpace",
    });
    expect(apply(state, { kind: "leaseGrant", request: { id: 1n, ttl: 10 } })).toEqual({ refused: "noSpace" });
    expect(apply(state, { kind: "deleteRange", request: { key: "a" } })).toMatchObject({ answer: { deleted: 1 } });
    expect(apply(state, { kind: "compact", request: { revision: 2 } })).toMatchObject({ answer: { revision: 3 } });
    apply(state, { kind: "alarm", request: { action: "DEACTIVATE", memberId: 1n, alarm: "NOSPACE" } });
    expect(apply(state, { kind: "put", request: { key: "b", value: "1" } })).toMatchObject({ answer: { revision: 4 } });
  });

  it("says in etcd's terms why a request was refused", async () => {
    const state = await emptyState();
    expect(apply(state, { kind: "put", request: { key: "a", lease: 5n } })).toEqual({ refused: "leaseNotFound" });
    expect(apply(state, { kind: "put", request: { key: "a", ignoreValue: true } })).toEqual({ refused: "keyNotFound" });
    expect(apply(state, { kind: "compact", request: { revision: 9 } })).toEqual({ refused: "futureRev" });
    apply(state, { kind: "leaseGrant", request: { id: 5n, ttl: 10 } });
    expect(apply(state, { kind: "leaseGrant", request: { id: 5n, ttl: 10 } })).toEqual({ refused: "leaseExist" });
  });
});

describe("checkTxn", () => {
  it.each([
    ["two puts of one key", { success: [put("a"), put("a")] }, "duplicateKey"],
    ["a put within a deleted range", { success: [del("a", "c"), put("b")] }, "duplicateKey"],
    ["a put into what is deleted from a key on", { success: [del("a", "\0"), put("b")] }, "duplicateKey"],
    ["a put at the end of a deleted range", { success: [del("a", "c"), put("c")] }, undefined],
    ["overlapping deletions", { success: [del("a", "c"), del("b", "d")] }, undefined],
    ["the same key in both branches", { success: [put("a")], failure: [put("a")] }, undefined],
    [
      "the same key in both branches of a nested transaction",
      { success: [{ requestTxn: { success: [put("a")], failure: [put("a")] } }] },
      undefined,
    ],
    [
      "a key beside a nested transaction that writes it",
      { success: [put("a"), { requestTxn: { failure: [put("a")] } }] },
      "duplicateKey",
    ],
    ["an empty key", { success: [put("")] }, "emptyKey"],
    ["a comparison without a key", { compare: [{}] }, "emptyKey"],
    ["four operations", { success: [put("a"), put("b"), put("c"), put("d")] }, "tooManyOps"],
    [
      "nesting that exceeds what is left",
      { success: [{ requestTxn: { success: [put("a"), put("b"), put("c")] } }] },
      "tooManyOps",
    ],
  ] as const)("judges %s", (_, request, fault) => {
    expect(checkTxn(txn(request), 3)).toBe(fault);
  });
});

describe("planExpiry", () => {
  const leases = { expired: () => [1n, 2n], checkpointsDue: () => [], nextExpiryMs: () => 10_000 };
  it("revokes what has run out, but nothing twice, and asks to be woken for the next", () => {
    expect(planExpiry(leases, new Set([1n]), 4000)).toEqual({ revoke: [2n], checkpoint: [], wakeAtMs: 10_000 });
  });
  it("does not wake for leases that do not run out here", () => {
    expect(
      planExpiry({ ...leases, expired: () => [], nextExpiryMs: () => undefined }, new Set(), 0).wakeAtMs,
    ).toBeUndefined();
  });
});

describe("planAutoCompaction", () => {
  it("keeps the last revisions", () => {
    expect(planAutoCompaction({ mode: "revision", retain: 100 }, [{ atMs: 0, revision: 250 }], 0).compactAt).toBe(150);
    expect(
      planAutoCompaction({ mode: "revision", retain: 100 }, [{ atMs: 0, revision: 50 }], 0).compactAt,
    ).toBeUndefined();
  });
  it("keeps what is younger than the period", () => {
    const samples = [0, 1, 2, 3].map((at) => ({ atMs: at * 1000, revision: at * 10 + 10 }));
    expect(planAutoCompaction({ mode: "periodic", retentionMs: 2000 }, samples, 3000)).toEqual({
      compactAt: 20,
      samples: samples.slice(2),
    });
    expect(planAutoCompaction({ mode: "periodic", retentionMs: 9000 }, samples, 3000)).toEqual({
      compactAt: undefined,
      samples,
    });
  });
});

describe("judgeQuota", () => {
  it("warns at seven tenths and refuses what would reach the quota", () => {
    const judge = (sizeBytes: number): string => judgeQuota({ sizeBytes, quotaBytes: 100 }, 5);
    expect([10, 70, 94, 95].map(judge)).toEqual(["clear", "warn", "warn", "exceeded"]);
    expect(judgeQuota({ sizeBytes: 10 ** 12, quotaBytes: -1 }, 5)).toBe("clear");
  });
});

describe("alarms", () => {
  it("are raised once and taken back by member and kind", () => {
    const raise = { action: "ACTIVATE", memberId: 1n, alarm: "NOSPACE" } as const;
    const once = changeAlarms([], raise).alarms;
    expect(changeAlarms(once, raise).alarms).toEqual([{ memberId: 1n, alarm: "NOSPACE" }]);
    expect(changeAlarms(once, { action: "DEACTIVATE", memberId: 0n, alarm: "NONE" })).toEqual({
      alarms: [],
      answered: once,
    });
  });
});

describe("membership", () => {
  const member = (id: bigint, isLearner: boolean = false): Member => ({
    id,
    name: "",
    peerURLs: [`https://10.0.0.${id}:2380`],
    clientURLs: [],
    isLearner,
  });
  const members = new Map([1n, 2n].map((id): [bigint, Member] => [id, member(id)])).set(3n, member(3n, true));
  const change = (type: "add-voter" | "add-learner" | "remove", id: bigint) =>
    ({ transition: "auto", changes: [{ type, id }], context: new Uint8Array(0) }) as const;
  const bare = (id: bigint): Member => ({ ...member(id), peerURLs: [] });

  it("refuses members that are known, gone for good, or at a taken address", () => {
    expect(refuseChange(members, new Set(), change("add-voter", 2n), member(2n))).toBe("memberExist");
    expect(refuseChange(members, new Set([9n]), change("add-voter", 9n), member(9n))).toBe("memberExist");
    expect(
      refuseChange(members, new Set(), change("add-voter", 9n), { ...member(9n), peerURLs: member(1n).peerURLs }),
    ).toBe("peerUrlExist");
    expect(refuseChange(members, new Set(), change("remove", 9n), bare(9n))).toBe("memberNotFound");
    expect(refuseChange(members, new Set(), change("add-voter", 2n), bare(2n))).toBe("memberNotLearner");
  });
  it("promotes a learner with its name and addresses kept", () => {
    expect(refuseChange(members, new Set(), change("add-voter", 3n), bare(3n))).toBeUndefined();
    expect(changeMembers(members, change("add-voter", 3n), bare(3n)).get(3n)).toEqual(member(3n));
  });
});
