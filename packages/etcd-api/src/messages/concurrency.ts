// Messages of etcd's two services that stand on top of keys and leases: Lock (v3lockpb) and Election (v3electionpb).
import { bytes, int64, message, nested, signedId } from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { keyValue, responseHeader } from "./kv.ts";

const header = nested(1, () => responseHeader);

export const lockRequest = message("LockRequest", { name: bytes(1), lease: signedId(2) });
export type LockRequest = TypeOf<typeof lockRequest>;
export const lockResponse = message("LockResponse", { header, key: bytes(2) });
export type LockResponse = TypeOf<typeof lockResponse>;
export const unlockRequest = message("UnlockRequest", { key: bytes(1) });
export type UnlockRequest = TypeOf<typeof unlockRequest>;
export const unlockResponse = message("UnlockResponse", { header });
export type UnlockResponse = TypeOf<typeof unlockResponse>;

/** A candidate's key, and the revision it was made at: together they say whether it still leads. */
export const leaderKey = message("LeaderKey", { name: bytes(1), key: bytes(2), rev: int64(3), lease: signedId(4) });
export type LeaderKey = TypeOf<typeof leaderKey>;
export const campaignRequest = message("CampaignRequest", { name: bytes(1), lease: signedId(2), value: bytes(3) });
export type CampaignRequest = TypeOf<typeof campaignRequest>;
export const campaignResponse = message("CampaignResponse", { header, leader: nested(2, () => leaderKey) });
export type CampaignResponse = TypeOf<typeof campaignResponse>;
export const proclaimRequest = message("ProclaimRequest", { leader: nested(1, () => leaderKey), value: bytes(2) });
export type ProclaimRequest = TypeOf<typeof proclaimRequest>;
export const proclaimResponse = message("ProclaimResponse", { header });
export type ProclaimResponse = TypeOf<typeof proclaimResponse>;
export const leaderRequest = message("LeaderRequest", { name: bytes(1) });
export type LeaderRequest = TypeOf<typeof leaderRequest>;
export const leaderResponse = message("LeaderResponse", { header, kv: nested(2, () => keyValue) });
export type LeaderResponse = TypeOf<typeof leaderResponse>;
export const resignRequest = message("ResignRequest", { leader: nested(1, () => leaderKey) });
export type ResignRequest = TypeOf<typeof resignRequest>;
export const resignResponse = message("ResignResponse", { header });
export type ResignResponse = TypeOf<typeof resignResponse>;
