// etcd's Watch messages, as tables.
import {
  bool,
  bytes,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  repeatedMessage,
  string,
} from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { keyValue, responseHeader } from "./kv.ts";
import { eventCodec, watchResponseCodec } from "./watch-codec.ts";

export const watchCreateRequest = message("WatchCreateRequest", {
  key: bytes(1),
  rangeEnd: bytes(2),
  startRevision: int64(3),
  progressNotify: bool(4),
  filters: repeated(enumeration(5, ["NOPUT", "NODELETE"])),
  prevKv: bool(6),
  watchId: int64(7),
  fragment: bool(8),
});
export type WatchCreateRequest = TypeOf<typeof watchCreateRequest>;

export const watchCancelRequest = message("WatchCancelRequest", { watchId: int64(1) });
export type WatchCancelRequest = TypeOf<typeof watchCancelRequest>;

export const watchProgressRequest = message("WatchProgressRequest", {});
export type WatchProgressRequest = TypeOf<typeof watchProgressRequest>;

/** Exactly one member is set. */
export const watchRequest = message("WatchRequest", {
  createRequest: nested(1, () => watchCreateRequest),
  cancelRequest: nested(2, () => watchCancelRequest),
  progressRequest: nested(3, () => watchProgressRequest),
});
export type WatchRequest = TypeOf<typeof watchRequest>;

export const event = message(
  "Event",
  {
    type: enumeration(1, ["PUT", "DELETE"]),
    kv: nested(2, () => keyValue),
    prevKv: nested(3, () => keyValue),
  },
  eventCodec,
);
export type Event = TypeOf<typeof event>;

export const watchResponse = message(
  "WatchResponse",
  {
    header: nested(1, () => responseHeader),
    watchId: int64(2),
    created: bool(3),
    canceled: bool(4),
    compactRevision: int64(5),
    cancelReason: string(6),
    fragment: bool(7),
    events: repeatedMessage(11, () => event),
  },
  watchResponseCodec,
);
export type WatchResponse = TypeOf<typeof watchResponse>;
