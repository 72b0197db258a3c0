// etcd's Lease messages, as tables. Times to live are whole seconds; -1 says that the lease is gone.
import { bool, bytes, int64, message, nested, repeated, repeatedMessage, signedId, string } from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { responseHeader } from "./kv.ts";

const id = signedId(1, { protoName: "ID" });

export const leaseGrantRequest = message("LeaseGrantRequest", {
  ttl: int64(1, { protoName: "TTL" }),
  id: signedId(2, { protoName: "ID" }),
});
export type LeaseGrantRequest = TypeOf<typeof leaseGrantRequest>;

export const leaseGrantResponse = message("LeaseGrantResponse", {
  header: nested(1, () => responseHeader),
  id: signedId(2, { protoName: "ID" }),
  ttl: int64(3, { protoName: "TTL" }),
  error: string(4),
});
export type LeaseGrantResponse = TypeOf<typeof leaseGrantResponse>;

export const leaseRevokeRequest = message("LeaseRevokeRequest", { id });
export type LeaseRevokeRequest = TypeOf<typeof leaseRevokeRequest>;

export const leaseRevokeResponse = message("LeaseRevokeResponse", { header: nested(1, () => responseHeader) });
export type LeaseRevokeResponse = TypeOf<typeof leaseRevokeResponse>;

export const leaseKeepAliveRequest = message("LeaseKeepAliveRequest", { id });
export type LeaseKeepAliveRequest = TypeOf<typeof leaseKeepAliveRequest>;

export const leaseKeepAliveResponse = message("LeaseKeepAliveResponse", {
  header: nested(1, () => responseHeader),
  id: signedId(2, { protoName: "ID" }),
  ttl: int64(3, { protoName: "TTL" }),
});
export type LeaseKeepAliveResponse = TypeOf<typeof leaseKeepAliveResponse>;

export const leaseTimeToLiveRequest = message("LeaseTimeToLiveRequest", { id, keys: bool(2) });
export type LeaseTimeToLiveRequest = TypeOf<typeof leaseTimeToLiveRequest>;

export const leaseTimeToLiveResponse = message("LeaseTimeToLiveResponse", {
  header: nested(1, () => responseHeader),
  id: signedId(2, { protoName: "ID" }),
  ttl: int64(3, { protoName: "TTL" }),
  grantedTTL: int64(4, { protoName: "grantedTTL" }),
  keys: repeated(bytes(5)),
});
export type LeaseTimeToLiveResponse = TypeOf<typeof leaseTimeToLiveResponse>;

export const leaseLeasesRequest = message("LeaseLeasesRequest", {});
export type LeaseLeasesRequest = TypeOf<typeof leaseLeasesRequest>;

export const leaseStatus = message("LeaseStatus", { id });
export type LeaseStatus = TypeOf<typeof leaseStatus>;

export const leaseLeasesResponse = message("LeaseLeasesResponse", {
  header: nested(1, () => responseHeader),
  leases: repeatedMessage(2, () => leaseStatus),
});
export type LeaseLeasesResponse = TypeOf<typeof leaseLeasesResponse>;
