// What the verbs work with, and what they answer. Declared once so that each verb's file reads as its steps.
import type { Clock, Random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { ApiObject } from "@coxswain/apimachinery";
import type { AuditTrail } from "../core/audit/trail.ts";
import type { Item } from "../core/item.ts";
import type { AdmissionPlugin, ObjectWriter, Review, UserInfo, RequestInfo } from "../core/request.ts";
import type { Kind, Kinds } from "../core/registry/kind.ts";
import type { ServiceAllocator } from "../core/registry/core/service/allocation/service-allocation.ts";
import type { Storage } from "../core/storage.ts";
import type { Feed } from "../io/storage/feed.ts";

export interface Parts {
  readonly kinds: Kinds;
  readonly storage: Storage;
  /** The feed of the resource's watch cache, started on first use. */
  readonly feed: (kind: Kind) => Feed;
  /** The same where it has been started already. */
  readonly startedFeed: (kind: Kind) => Feed | undefined;
  readonly admission: readonly AdmissionPlugin[];
  /** Gives out the addresses and ports of services, after mutating admission and before validation. */
  readonly services: ServiceAllocator;
  readonly reviews: ReadonlyMap<string, Review>;
  readonly objects: ObjectWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** One request on its way to a verb: authorized, its resource found. */
export interface Exchange {
  readonly info: RequestInfo;
  readonly kind: Kind;
  readonly user: UserInfo;
  readonly userAgent: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  /** The whole body; throws a 413 when it is too large. */
  readonly body: () => Promise<Buffer>;
  readonly signal: AbortSignal;
  /** When it must have been answered, by the monotonic clock. */
  readonly deadlineMs?: number | undefined;
  /** Takes from the memory budget until the answer has left; throws 429. */
  readonly reserve: (bytes: number) => void;
  readonly warn: (text: string) => void;
  /** What is told of it in the audit log. */
  readonly audit: AuditTrail | undefined;
  /** Called when an admission plugin says no. */
  readonly refusedBy: (plugin: string) => void;
}

export type Answer =
  | { readonly type: "object"; readonly code: number; readonly object: ApiObject; readonly kind?: Kind | undefined }
  /** An object of `kind` as it lies in the store. */
  | {
      readonly type: "encoded";
      readonly code: number;
      readonly bytes: Buffer;
      readonly object: () => ApiObject;
      readonly kind: Kind;
    }
  | { readonly type: "status"; readonly code: number; readonly status: object }
  | {
      readonly type: "list";
      readonly kind: Kind;
      readonly metadata: {
        readonly resourceVersion: string;
        readonly continue?: string;
        readonly remainingItemCount?: number;
      };
      readonly items: readonly Item[];
    }
  | { readonly type: "watch"; readonly kind: Kind; readonly watch: WatchSource };

/** A watch that has been accepted; nothing flows before `start`. */
export interface WatchSource {
  /** Calls the listener at once for what is there already, then for every change. Returns the way to end it. */
  start(sink: WatchSink): () => void;
  readonly timeoutMs: number;
  readonly allowBookmarks: boolean;
}

export type WatchEventKind = "ADDED" | "MODIFIED" | "DELETED";

/** The state of an object when a watch begins, made when it is sent. */
export interface InitialEvent {
  /** The event as JSON, in pieces. */
  readonly line: () => readonly Buffer[];
  readonly object: () => ApiObject;
}

export interface WatchSink {
  /** What is there already, first of all and at the reader's pace; whatever is said afterwards follows it. */
  initial(events: Iterable<InitialEvent>): void;
  /** An event of an object. `line` gives its bytes as JSON; they are shared. `cacheKey` tells whether an encoding of it may be shared, too. */
  event(
    type: WatchEventKind,
    line: () => Buffer,
    object: () => ApiObject,
    encoded: Map<string, Buffer> | undefined,
  ): void;
  bookmark(revision: number, initialEventsEnd: boolean): void;
  /** What has been said so far may be sent. */
  flush(): void;
  /** The watch cannot go on; a Status follows as an ERROR event, if given. */
  end(status?: object): void;
}

export function isService(kind: Kind): boolean {
  return kind.group === "" && kind.resource === "services";
}
