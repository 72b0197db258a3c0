// Several interchangeable servers: stays with the one that answers, goes round when it does not. This is one of the two
// places of the house that try again (the other is the work queue), and its rule is narrow: a request is sent anew when it
// was never sent (refused, no route, TLS), when the server said "not now" (429, 503 with Retry-After), or when it was lost
// and reading twice does no harm (GET, HEAD).
import type { Clock } from "@coxswain/clock";
import { ClientError } from "../errors.ts";
import { SilentServer } from "./patience.ts";
import type { Exchange, OutgoingRequest, Transport } from "./transport.ts";

/** How often "not now" is obeyed before it is handed to the caller. */
const patience = 5;
const longestWaitMs = 10_000;

export interface Servers {
  send(request: OutgoingRequest): Promise<Exchange>;
  current(): URL;
  /** How many there are to choose from now. */
  count(): number;
  close(): void;
}

interface Server {
  readonly url: URL;
  readonly transport: Transport;
}

/** `renew` is asked when a server does not answer, and says which there are now; undefined when nothing has changed. */
export function createServers(
  first: readonly Server[],
  clock: Clock,
  renew?: (known: readonly Server[]) => readonly Server[] | undefined,
): Servers {
  let servers = first;
  let current = 0;

  /** Those that are no longer named end; the others keep their connections. */
  const takeRenewed = (): void => {
    const renewed = renew?.(servers);
    if (renewed === undefined || renewed.length === 0) return;
    const gone = servers.filter((server) => !renewed.includes(server));
    servers = renewed;
    for (const server of gone) server.transport.close();
  };

  const sendOnce = async (request: OutgoingRequest): Promise<Exchange> => {
    const reading = request.method === "GET" || request.method === "HEAD";
    let failure: unknown;
    // Reading gets one more try than there are servers, so that a kept-alive connection that went stale costs nothing.
    for (let tries = 0; tries < servers.length + (reading ? 1 : 0); tries++) {
      const index = current % servers.length;
      const server = servers[index];
      if (server === undefined) break;
      try {
        return await server.transport.send(request);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        const silent = error.cause instanceof SilentServer;
        if (silent && index === current % servers.length) current = (index + 1) % servers.length;
        if (error.code === "connection-lost" && !reading) throw error;
        takeRenewed();
        const mayRepeatHere = error.code === "connection-lost" && tries === 0 && !silent;
        if (index === current % servers.length && !mayRepeatHere) current = (index + 1) % servers.length;
        if (failure === undefined || error.code === "tls-failed") failure = error;
        if (servers.length === 1 && error.code !== "connection-lost") break;
      }
    }
    throw failure ?? new ClientError("connection-failed", "no API server is configured");
  };

  return {
    async send(request) {
      for (let attempt = 0; ; attempt++) {
        const exchange = await sendOnce(request);
        const waitMs = retryAfterMs(exchange);
        if (waitMs === undefined || attempt >= patience) return exchange;
        for await (const _ of exchange.body); // frees the connection
        await clock.sleep(waitMs, request.signal);
      }
    },
    current: () => servers[current % servers.length]?.url ?? new URL("https://127.0.0.1"),
    count: () => servers.length,
    close: () => servers.forEach((server) => server.transport.close()),
  };
}

/** How long the server asks to wait, when it refused for the moment. */
function retryAfterMs(exchange: Exchange): number | undefined {
  if (exchange.status !== 429 && exchange.status !== 503) return undefined;
  const seconds = Number(exchange.headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, longestWaitMs) : undefined;
}
