// A raw watch stream through an independent gRPC client, and what came over it as lines that can be compared: control messages whole,
// events one by one, since how many of them share a message is the server's own affair.
import * as grpc from "@grpc/grpc-js";
import { decode, encode, watchRequest, watchResponse } from "@coxswain/etcd-api";
import type { Init, WatchRequest, WatchResponse } from "@coxswain/etcd-api";
import { printed } from "@coxswain/etcd-api/testing";

export interface WatchStream {
  send(request: Init<WatchRequest>): void;
  /** The next lines, when there are so many. */
  lines(count: number): Promise<string[]>;
  close(): void;
}

const patienceMs = 20_000;

export function openWatchStream(url: string, metadata: Readonly<Record<string, string>> = {}): WatchStream {
  const client = new grpc.Client(url.replace("http://", ""), grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  const headers = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
  const stream = client.makeBidiStreamRequest<Init<WatchRequest>, WatchResponse>(
    "/etcdserverpb.Watch/Watch",
    (request) => encode(watchRequest, request),
    (bytes) => decode(watchResponse, bytes),
    headers,
  );
  const waiting: string[] = [];
  let arrived = Promise.withResolvers<void>();
  const take = (line: string): void => {
    waiting.push(line);
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  stream.on("data", (response: WatchResponse) => linesOf(response).forEach(take));
  stream.on("error", (error: grpc.ServiceError) => take(`error ${error.code}: ${error.details}`));
  stream.on("end", () => take("end"));
  return {
    send: (request) => void stream.write(request),
    async lines(count) {
      const late = AbortSignal.timeout(patienceMs);
      const expired = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve(), { once: true }));
      while (waiting.length < count && !late.aborted) await Promise.race([arrived.promise, expired]);
      if (waiting.length < count) throw new Error(`${count} lines expected, found ${JSON.stringify(waiting)}`);
      // Between watches there is no order; within one there is.
      return waiting.splice(0, count).sort((a, b) => (watchOf(a) < watchOf(b) ? -1 : watchOf(a) > watchOf(b) ? 1 : 0));
    },
    close() {
      stream.cancel();
      client.close();
    },
  };
}

function watchOf(line: string): string {
  return /^watch -?\d+/.exec(line)?.[0] ?? "";
}

function linesOf({ events, ...response }: WatchResponse): string[] {
  const { watchId } = response;
  if (events.length === 0) return [printed(response)];
  return events.map((event) => `watch ${watchId}: ${printed(event)}`);
}
