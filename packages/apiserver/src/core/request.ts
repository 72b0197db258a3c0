// What every stage of a request speaks about: who asks, for what, and what may refuse it. Types only; the stages
// themselves are listed in `pipeline.ts`, and the factories that make their parts are called in `apiserver.ts`.
//
//   core/authn/authenticator.ts   createAuthenticator(…): Authenticator
//   core/authz/authorizer.ts      createAuthorizer(…): Authorizer
//   core/authz/request-attributes.ts  requestAttributes(user, info, query): what the authorizer is asked
//   core/authz/bootstrap.ts       bootstrapPolicy(writer): the default roles
//   core/admission/order.ts       admissionPlugins(…): readonly AdmissionPlugin[]
//   core/…/reviews.ts             reviews(…): ReadonlyMap<"group/resource", Review>
//   io/node-tunnel/tunnel.ts      createNodeTunnel(…): Tunnel (declared in io/http/tunnel.ts)
import type { ApiObject } from "@coxswain/apimachinery";
import type { AuditTrail } from "./audit/trail.ts";
import type { RequestAuthorizer, Subject } from "./authz/attributes.ts";

/** Someone who has been authenticated, or `system:anonymous`. */
export type UserInfo = Subject;

/** Kubernetes' `request.RequestInfo`: the path and method in the words of the API. Empty strings, never undefined. */
export interface RequestInfo {
  /** False for /healthz, /version, discovery and the like; then only `verb` (the method, lower case) and `path` mean anything. */
  readonly isResourceRequest: boolean;
  readonly verb: string;
  readonly path: string;
  readonly apiPrefix: "" | "api" | "apis";
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows the subresource; the path behind `/proxy/`. Without the leading slash. */
  readonly rest: string;
}

/** The subject of a certificate that one of our authorities has signed. */
export interface ShownCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** The handshake was in this time, but a connection may live longer. Milliseconds since the epoch. */
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** What a request brings along to say who sent it. */
export interface Credentials {
  /** Of the client, when the client authority has signed it. */
  readonly certificate: ShownCertificate | undefined;
  /** Of a proxy that speaks for others, when the authority of such proxies has signed it, and what it says of them. */
  readonly proxy?:
    | {
        readonly certificate: ShownCertificate;
        /** Headers whose lower-case names begin so, repeated ones apart. */
        readonly headersOf: (prefix: string) => readonly (readonly [name: string, value: string])[];
      }
    | undefined;
  /** A certificate was shown that is not such: expired, of another authority, or not for clients. */
  readonly certificateRejected?: boolean;
  /** From `Authorization: Bearer`, or from the subprotocol of a WebSocket. */
  readonly bearerToken: string | undefined;
}

export type Authentication =
  | { readonly kind: "user"; readonly user: UserInfo }
  /** Something was shown and it is not valid, or nothing was and strangers are not served: 401. */
  | { readonly kind: "unauthorized"; readonly because: string; readonly what: RefusedCredential };

/** What was shown and not accepted: for counting, so it is one of a few words. */
export type RefusedCredential = "nothing" | "certificate" | "token";

/** Answers anonymous itself, when that is allowed. */
export interface Authenticator {
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<Authentication>;
}

export type Authorizer = RequestAuthorizer;

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** What an admission plugin sees. Objects are shared: a plugin that wants another one returns it from `admit`. */
export interface AdmissionAttributes {
  readonly operation: Operation;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** "" for the object itself; "status", "scale", "eviction", "binding", "exec", … */
  readonly subresource: string;
  readonly namespace: string;
  /** May still be "" on create with generateName. */
  readonly name: string;
  /** The new object (CREATE, UPDATE), or the options (CONNECT); undefined for DELETE. */
  readonly object: ApiObject | undefined;
  /** The object as it is stored (UPDATE, DELETE). */
  readonly oldObject: ApiObject | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** True for a create by a server-side apply or an update that creates: plugins treat it as CREATE already. */
  readonly userAgent: string;
  /** What the client says of the write besides (CreateOptions, …), as JSON; none for CONNECT. */
  readonly options?: object | undefined;
  /** Aborted when the client goes away. */
  readonly signal?: AbortSignal | undefined;
  /** When the request must have been answered, by the monotonic clock. */
  readonly deadlineMs?: number | undefined;
  /** While mutating. */
  readonly reinvocation?: Reinvocation | undefined;
  /** What is told of the request in the audit log; undefined: nothing. */
  readonly audit?: Pick<AuditTrail, "annotate" | "isWhole"> | undefined;
  /** Adds a `Warning` header. */
  warn(text: string): void;
}

/** All mutating plugins are asked a second time when one of them (a webhook, a policy) has changed the object behind the others' backs. */
export interface Reinvocation {
  readonly isSecond: boolean;
  /** Asks for the second round. */
  request(): void;
  /** What a plugin wants to remember from the first round to the second. */
  readonly notes: Map<string, unknown>;
}

/** One admission plugin; its place is in `admission/order.ts`. Refusal is a thrown StatusError (usually 403). */
export interface AdmissionPlugin {
  readonly name: string;
  handles(attributes: AdmissionAttributes): boolean;
  /** Returns the object to go on with; undefined leaves it as it is. */
  admit?(attributes: AdmissionAttributes): ApiObject | undefined | Promise<ApiObject | undefined>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
}

export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** All objects of one kind, kept in memory by its watch. Objects are shared and must not be changed. */
export interface ObjectView {
  /** Resolves when the first list is in. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  synced(): boolean;
  /** `namespace` is "" for cluster-scoped kinds. */
  get(namespace: string, name: string): ApiObject | undefined;
  /** Of one namespace, or all when left out. */
  list(namespace?: string): Iterable<ApiObject>;
  /**
   * Called after each change, with the object before and after, which are decoded when they are looked at; returns the way to
   * end it.
   */
  subscribe(
    listener: (change: { readonly old: ApiObject | undefined; readonly object: ApiObject | undefined }) => void,
  ): () => void;
}

/** What stages and plugins may read. */
export interface ObjectReader {
  /** Starts the watch on first use. */
  view(resource: GroupResource): ObjectView;
  /** Straight from the store, linearizable. */
  read(resource: GroupResource, namespace: string, name: string): Promise<ApiObject | undefined>;
  /** All of a namespace ("" for all), straight from the store. */
  readAll(resource: GroupResource, namespace: string): Promise<readonly ApiObject[]>;
}

/** Writes of the server itself (bootstrap, allocation repair): no authentication, no admission, but storage's own conflict checks. */
export interface ObjectWriter extends ObjectReader {
  /** False when it is there already. `object.metadata` gets uid and creationTimestamp here. */
  createIfAbsent(resource: GroupResource, object: ApiObject): Promise<boolean>;
  /** Reads, lets `change` compute the next value (undefined: leave it) and writes it unless another came first, then again. */
  update(
    resource: GroupResource,
    namespace: string,
    name: string,
    change: (object: ApiObject) => ApiObject | undefined,
  ): Promise<void>;
  /**
   * Removes it when it is there, at once, regardless of finalizers, and only as long as `isIt` says so: another may have come in
   * its place meanwhile. Answers whether it did.
   */
  remove(
    resource: GroupResource,
    namespace: string,
    name: string,
    isIt?: (object: ApiObject) => boolean,
  ): Promise<boolean>;
}

/**
 * A kind that is answered and never stored: the access and token reviews, and `serviceaccounts/token`.
 * Keyed "group/resource" or "group/resource/subresource" ("/serviceaccounts/token" for the core group).
 */
export type Review = (
  object: ApiObject,
  context: {
    readonly user: UserInfo;
    readonly namespace: string;
    readonly name: string;
    readonly reader: ObjectReader;
  },
) => Promise<ApiObject>;
