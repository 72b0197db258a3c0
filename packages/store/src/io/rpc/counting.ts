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

/** Measures how long calls take; it costs a little with each. */
export interface Stopwatch {
  readonly nowMs: () => number;
  readonly took: (method: MethodCounts, durationMs: number) => void;
}

export function countCalls(services: readonly Implementation[], watch?: Stopwatch): Counted {
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
        return [path, countRoute(route, count, watch)];
      }),
    ),
  }));
  return { services: counted, counts };
}

function countRoute(route: Route, count: MethodCounts, watch: Stopwatch | undefined): Route {
  const began = (): number => watch?.nowMs() ?? 0;
  const done = (code: number, beganMs: number): void => {
    count.handled.set(code, (count.handled.get(code) ?? 0) + 1);
    watch?.took(count, watch.nowMs() - beganMs);
  };
  const failed = (error: unknown, beganMs: number): void =>
    done(error instanceof GrpcError ? error.code : statusCodes.unknown, beganMs);
  if (route.streaming === "unary")
    return {
      ...route,
      handle: (request: unknown, call: Call) => {
        count.started++;
        count.received++;
        const beganMs = began();
        const answered = (): void => {
          count.sent++;
          done(statusCodes.ok, beganMs);
        };
        try {
          const answer = route.handle(request, call);
          if (answer instanceof Promise) answer.then(answered, (error: unknown) => failed(error, beganMs));
          else answered();
          return answer;
        } catch (error) {
          failed(error, beganMs);
          throw error;
        }
      },
    };
  return {
    ...route,
    handle: async (requests: unknown, call: StreamCall<unknown>) => {
      count.started++;
      const beganMs = began();
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
        done(call.signal.aborted ? statusCodes.cancelled : statusCodes.ok, beganMs);
      } catch (error) {
        failed(error, beganMs);
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
