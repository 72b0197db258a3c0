// The gRPC server's place taken by plain calls in the same process, for simulations: the same services, the same messages (encoded and
// decoded, so that nothing is shared), no sockets. It has no deadlines of its own; a caller that has waited long enough forgets the call.
import {
  GrpcError,
  clusterService,
  decode,
  encode,
  kvService,
  leaseService,
  maintenanceService,
  methodPath,
  statusCodes,
  watchService,
} from "@coxswain/etcd-api";
import type {
  GrpcServer,
  GrpcServerOptions,
  Implementation,
  Init,
  Message,
  StreamCall,
  UnaryClient,
  WatchRequest,
  WatchResponse,
} from "@coxswain/etcd-api";
import { createRequestQueue } from "./request-queue.ts";

export interface LocalServer extends GrpcServer {
  readonly client: LocalClient;
}

export interface LocalClient {
  readonly kv: UnaryClient<typeof kvService.methods>;
  readonly lease: UnaryClient<typeof leaseService.methods>;
  readonly cluster: UnaryClient<typeof clusterService.methods>;
  readonly maintenance: UnaryClient<typeof maintenanceService.methods>;
  watch(reader: LocalWatchReader): LocalWatchStream;
  /** One renewal: the time to live, 0 when there is no such lease. */
  keepAlive(id: bigint): Promise<{ readonly revision: number; readonly ttl: number }>;
}

/** Where the responses of a watch stream go. */
export interface LocalWatchReader {
  /** False: the reader has no room for more, until `drained` of the stream is called. */
  take(response: WatchResponse): boolean;
  /** The server ended the stream. */
  over(error: unknown): void;
}

export interface LocalWatchStream {
  send(request: Init<WatchRequest>): void;
  drained(): void;
  close(): void;
}

type Route = Implementation["routes"] extends ReadonlyMap<string, infer R> ? R : never;

export function createLocalServer(options: Pick<GrpcServerOptions, "services" | "onBug">): LocalServer {
  const routes = new Map<string, Route>(options.services.flatMap(({ routes: each }) => [...each]));
  let closed = false;
  const stopped = (): GrpcError => new GrpcError(statusCodes.unavailable, "the server is closed");
  const failure = (path: string, error: unknown): GrpcError => {
    if (error instanceof GrpcError) return error;
    options.onBug(path, error);
    return new GrpcError(statusCodes.unknown, error instanceof Error ? error.message : String(error));
  };
  const routeOf = (path: string): Route => {
    const route = routes.get(path);
    if (closed || !route) throw stopped();
    return route;
  };
  const call = async (path: string, request: Init<unknown>): Promise<unknown> => {
    const route = routeOf(path);
    if (route.streaming !== "unary") throw stopped();
    try {
      const answer = await route.handle(copy(route.request, request), callOf(path, new AbortController().signal));
      return copy(route.response, answer as Init<unknown>);
    } catch (error) {
      throw failure(path, error);
    }
  };
  const unary = <M extends object>(service: { readonly name: string; readonly methods: M }): UnaryClient<M> =>
    Object.fromEntries(
      Object.keys(service.methods).map((name) => [
        name,
        (request: Init<unknown>) => call(methodPath(service, name), request),
      ]),
    ) as UnaryClient<M>;
  const stream = (path: string, reader: LocalWatchReader): LocalWatchStream => {
    const route = routes.get(path);
    if (closed || route?.streaming !== "bidi") {
      reader.over(stopped());
      return { send: () => undefined, drained: () => undefined, close: () => undefined };
    }
    const requests = createRequestQueue<unknown>();
    const aborter = new AbortController();
    let room = Promise.withResolvers<void>();
    const served: StreamCall<unknown> = {
      ...callOf(path, aborter.signal),
      send: (response) => aborter.signal.aborted || reader.take(copy(route.response, response) as WatchResponse),
      drained: () => room.promise,
    };
    const over = (error: unknown): void => {
      if (aborter.signal.aborted) return;
      aborter.abort();
      room.resolve();
      reader.over(error);
    };
    route.handle(requests, served).then(
      () => over(undefined),
      (error: unknown) => over(failure(path, error)),
    );
    return {
      send: (request) => requests.push(copy(route.request, request)),
      drained: () => {
        const waiting = room;
        room = Promise.withResolvers();
        waiting.resolve();
      },
      close: () => {
        aborter.abort();
        room.resolve();
        requests.end();
      },
    };
  };
  return {
    listen: (address) => Promise.resolve(address.port),
    reload: () => undefined,
    traffic: () => ({ receivedBytes: 0, sentBytes: 0 }),
    close: () => {
      closed = true;
      return Promise.resolve();
    },
    client: {
      kv: unary(kvService),
      lease: unary(leaseService),
      cluster: unary(clusterService),
      maintenance: unary(maintenanceService),
      watch: (reader) => stream(methodPath(watchService, "watch"), reader),
      keepAlive: async (id) => {
        const path = methodPath(leaseService, "leaseKeepAlive");
        const route = routeOf(path);
        if (route.streaming !== "bidi") throw stopped();
        const requests = createRequestQueue<unknown>();
        requests.push(copy(route.request, { id }));
        requests.end();
        let answer: { header?: { revision: number }; ttl: number } | undefined;
        const served: StreamCall<unknown> = {
          ...callOf(path, new AbortController().signal),
          send: (response) => {
            answer = copy(route.response, response) as { header?: { revision: number }; ttl: number };
            return true;
          },
          drained: () => Promise.resolve(),
        };
        try {
          await route.handle(requests, served);
        } catch (error) {
          throw failure(path, error);
        }
        if (!answer) throw stopped();
        return { revision: answer.header?.revision ?? 0, ttl: answer.ttl };
      },
    },
  };
}

function callOf(path: string, signal: AbortSignal): Omit<StreamCall<unknown>, "send" | "drained"> {
  return { signal, metadata: {}, path, peer: { address: "local", commonName: undefined } };
}

function copy(message: Message<unknown>, value: Init<unknown>): unknown {
  return decode(message, encode(message, value));
}
