// Counts the calls of every method, as go-grpc-prometheus does for etcd. Plain numbers while calls are made; whoever shows them asks.
import { GrpcError, statusCodes } from "@coxswain/etcd-api";
import type { Call, Implementation, StreamCall } from "@coxswain/etcd-api";

export interface MethodCounts {
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "bidi_stream";
  started: number;
  received: number;
  sent: number;
  /** By gRPC's code. */
  readonly handled: Map<number, number>;
}

type Route = Implementation["routes"] extends ReadonlyMap<string, infer R> ? R : never;

export interface Counted {
  readonly services: readonly Implementation[];
  readonly counts: readonly MethodCounts[];
}

export function countCalls(services: readonly Implementation[]): Counted {
  const counts: MethodCounts[] = [];
  const counted = services.map((service) => ({
    ...service,
    routes: new Map(
      Array.from(service.routes, ([path, route]): [string, Route] => {
        const type =
          route.streaming === "unary" ? "unary" : route.streaming === "server" ? "server_stream" : "bidi_stream";
        const method = path.split("/").at(-1) ?? "";
        const count: MethodCounts = {
          service: service.service,
          method,
          type,
          started: 0,
          received: 0,
          sent: 0,
          handled: new Map(),
        };
        counts.push(count);
        return [path, countRoute(route, count)];
      }),
    ),
  }));
  return { services: counted, counts };
}

function countRoute(route: Route, count: MethodCounts): Route {
  const done = (code: number): void => void count.handled.set(code, (count.handled.get(code) ?? 0) + 1);
  const failed = (error: unknown): void => done(error instanceof GrpcError ? error.code : statusCodes.unknown);
  if (route.streaming === "unary")
    return {
      ...route,
      handle: (request: unknown, call: Call) => {
        count.started++;
        count.received++;
        const answered = (): void => {
          count.sent++;
          done(statusCodes.ok);
        };
        try {
          const answer = route.handle(request, call);
          if (answer instanceof Promise) answer.then(answered, failed);
          else answered();
          return answer;
        } catch (error) {
          failed(error);
          throw error;
        }
      },
    };
  return {
    ...route,
    handle: async (requests: unknown, call: StreamCall<unknown>) => {
      count.started++;
      const seen =
        route.streaming === "bidi" ? countEach(requests as AsyncIterable<unknown>, () => count.received++) : requests;
      if (route.streaming === "server") count.received++;
      const counting: typeof call = {
        get signal() {
          return call.signal;
        },
        metadata: call.metadata,
        path: call.path,
        get peer() {
          return call.peer;
        },
        send: (answer: Parameters<typeof call.send>[0]) => {
          count.sent++;
          return call.send(answer);
        },
        drained: () => call.drained(),
      };
      try {
        await route.handle(seen, counting);
        done(call.signal.aborted ? statusCodes.cancelled : statusCodes.ok);
      } catch (error) {
        failed(error);
        throw error;
      }
    },
  };
}

async function* countEach<T>(items: AsyncIterable<T>, count: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    count();
    yield item;
  }
}
