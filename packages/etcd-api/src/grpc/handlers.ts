// What a server implements: one function per method, typed from the service's table. Methods left out answer
// `Unimplemented`, as etcd answers for what it does not know.
import type { Headers } from "../http2/hpack.ts";
import { methodPath } from "../services.ts";
import type { Method, Streaming } from "../services.ts";
import type { Init, Message } from "../wire/message.ts";

/** What a handler may know of its call besides the request. */
export interface Call {
  /** Aborted when the client has gone or cancelled, the deadline has passed, or the server closes. */
  readonly signal: AbortSignal;
  /** The request's headers: `authorization` or `token` for etcd's auth, `hasleader` and so on. */
  readonly metadata: Headers;
  /** "/etcdserverpb.KV/Range". */
  readonly path: string;
  readonly peer: Peer;
}

export interface Peer {
  readonly address: string;
  /** The common name of the client's certificate, if it showed one that was accepted. */
  readonly commonName: string | undefined;
}

export interface StreamCall<R> extends Call {
  /** Sends one message; false when the connection's buffer is full: then await `drained` before sending on. */
  send(response: Init<R>): boolean;
  /** Resolves when there is room again, or the call is over (look at `signal`). */
  drained(): Promise<void>;
}

export type Handler<M> =
  M extends Method<infer Q, infer R, infer S>
    ? S extends "unary"
      ? (request: Q, call: Call) => Init<R> | Promise<Init<R>>
      : S extends "server"
        ? (request: Q, call: StreamCall<R>) => Promise<void>
        : (requests: AsyncIterable<Q>, call: StreamCall<R>) => Promise<void>
    : never;

export type Handlers<M> = { readonly [K in keyof M]?: Handler<M[K]> };

/** A method with its function, the types forgotten; made by `implement` only. */
export type Route =
  | {
      readonly streaming: "unary";
      readonly request: Message<unknown>;
      readonly response: Message<unknown>;
      readonly handle: (request: unknown, call: Call) => unknown;
    }
  | {
      readonly streaming: "server" | "bidi";
      readonly request: Message<unknown>;
      readonly response: Message<unknown>;
      readonly handle: (request: unknown, call: StreamCall<unknown>) => Promise<void>;
    };

/** A service's methods by path. */
export interface Implementation {
  readonly service: string;
  readonly routes: ReadonlyMap<string, Route>;
}

/** Binds functions to a service's methods. */
export function implement<M extends Readonly<Record<string, { readonly streaming: Streaming }>>>(
  service: { readonly name: string; readonly methods: M },
  handlers: Handlers<M>,
): Implementation {
  const routes = new Map<string, Route>();
  for (const [name, method] of Object.entries(service.methods)) {
    const handle = handlers[name];
    if (handle !== undefined) routes.set(methodPath(service, name), { ...method, handle } as Route);
  }
  return { service: service.name, routes };
}
