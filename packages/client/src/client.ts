// The client's types: the door every daemon talks to the API through. Behaviour is in create-client.ts.
import type { Duplex } from "node:stream";
import type { ApiObject, DeepReadonly, List, ResourceDescriptor, WatchEvent } from "@coxswain/apimachinery";
import type { Discovery } from "./discovery.ts";

export interface Client {
  /** A typed view of one resource. Cheap; holds nothing. */
  resource<T extends ApiObject>(descriptor: ResourceDescriptor<T>): ResourceClient<T>;
  /** The same, but what it reads carries metadata only (PartialObjectMetadata): for those who look at every kind. */
  metadata(descriptor: ResourceDescriptor): ResourceClient<ApiObject>;
  /** Any request. Answers of 400 and above are returned, not thrown; the body has been read whole. */
  request(request: RawRequest): Promise<RawResponse>;
  /** Any request whose body is read piece by piece (logs, watches). Answers of 400 and above throw a StatusError. */
  stream(request: RawRequest): Promise<StreamResponse>;
  /** A WebSocket to a path (exec, attach, port-forward), with the client's credentials. */
  connect(request: ConnectRequest): Promise<Connection>;
  /** A request for another protocol, passed on as it is with the client's credentials; what comes of it is the caller's. */
  upgrade(request: UpgradeRequest): Promise<Upgraded>;
  /** A container's log as it is written. */
  logs(ref: ObjectRef, options?: LogOptions): AsyncIterable<Uint8Array>;
  /** What the server offers. Asks the server each time it is called. */
  discover(signal?: AbortSignal): Promise<Discovery>;
  /** Address of the server that answered last. */
  server(): string;
  readonly namespace: string;
  /** Closes every connection. Requests under way fail. May be called twice. */
  close(): Promise<void>;
}

export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What controllers and agents do with one resource. API errors are thrown as StatusError (see isNotFound and friends). */
export interface ResourceClient<T extends ApiObject> {
  readonly descriptor: ResourceDescriptor<T>;
  get(
    ref: ObjectRef,
    options?: { readonly resourceVersion?: string; readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
  list(options?: ListOptions): Promise<List<T>>;
  /**
   * Changes from `resourceVersion` on. Ends when the server ends the stream; throws a StatusError for an ERROR event
   * (410 Gone: list again) and a ClientError when the connection is lost. Leaving the loop ends the watch.
   */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create(object: DeepReadonly<T>, options?: WriteOptions & { readonly namespace?: string }): Promise<T>;
  update(object: DeepReadonly<T>, options?: WriteOptions & { readonly subresource?: string }): Promise<T>;
  patch(ref: ObjectRef, patch: unknown, options: PatchOptions): Promise<T>;
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection(options: ListOptions & DeleteOptions): Promise<void>;
  getSubresource<R>(ref: ObjectRef, name: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<R>;
  createSubresource<R>(ref: ObjectRef, name: string, body: unknown, options?: WriteOptions): Promise<R>;
}

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly resourceVersionMatch?: "NotOlderThan" | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly signal: AbortSignal;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
  readonly signal?: AbortSignal | undefined;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

export interface PatchOptions extends WriteOptions {
  readonly type: PatchType;
  readonly subresource?: string;
  /** Takes over fields of other managers; only for "apply". */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface LogOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
  readonly signal?: AbortSignal;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RawRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path without the query ("/api/v1/pods"). */
  readonly path: string;
  readonly query?: Query | undefined;
  /** A string or bytes are sent as they are; anything else as JSON. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  text(): string;
  json(): unknown;
}

export interface StreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends with the answer; throws a ClientError when the connection is lost. Leaving the loop cancels the request. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ConnectRequest {
  readonly path: string;
  readonly query?: Query | undefined;
  /** Offered subprotocols, the preferred first ("v5.channel.k8s.io"). */
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UpgradeRequest {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  /** With the wish for another protocol; a repeated header is a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal?: AbortSignal | undefined;
}

/** Headers are as the server wrote them. */
export type Upgraded =
  | {
      readonly kind: "upgraded";
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      /** Begins with what the server said first in its new protocol. */
      readonly socket: Duplex;
    }
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: AsyncIterable<Uint8Array>;
    };

/** One WebSocket of binary messages. */
export interface Connection {
  readonly protocol: string;
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when the message has been handed to the network. */
  send(message: Uint8Array): Promise<void>;
  close(): void;
}
