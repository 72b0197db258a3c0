// The client's assembly: servers, credentials, headers, verbs. Opens no connection before the first request.
import type { Clock, Random } from "@coxswain/clock";
import { orThrow, readAnswer } from "./answer.ts";
import type { Client, RawRequest } from "./client.ts";
import type { ClientConfig } from "./config.ts";
import { createCredentials } from "./credentials.ts";
import { ClientError } from "./errors.ts";
import { queryText } from "./path.ts";
import { createLazyTransport } from "./transport/lazy.ts";
import { withOthers, withoutChoice } from "./transport/patience.ts";
import type { Patience } from "./transport/patience.ts";
import { createServers } from "./transport/servers.ts";
import type { TlsMaterial } from "./transport/tls.ts";
import type { Exchange } from "./transport/transport.ts";
import { withVerbs } from "./with-verbs.ts";

export interface ClientPorts {
  readonly clock: Clock;
  /** Spreads the ends of watches; without it they end together. */
  readonly random?: Pick<Random, "next">;
}

export function createClient(config: ClientConfig, ports: ClientPorts): Client {
  let material: Promise<TlsMaterial> | undefined;
  const tls = (): Promise<TlsMaterial> =>
    (material ??= import("./transport/tls.ts").then(({ createTlsMaterial }) => createTlsMaterial(config)));
  const credentials = createCredentials(config);
  const urlOf = (server: string): URL => {
    if (!URL.canParse(server))
      throw new ClientError("kubeconfig-invalid", `not a server address: ${JSON.stringify(server)}`);
    return new URL(server);
  };
  if (config.proxyUrl !== undefined && !config.proxyUrl.startsWith("http://"))
    throw new ClientError("kubeconfig-invalid", `expected proxy-url to begin with http://, found ${config.proxyUrl}`);
  const proxy = config.proxyUrl === undefined ? undefined : new URL(config.proxyUrl);
  const patience = (): Patience => (servers.count() > 1 ? withOthers : withoutChoice);
  const open = (url: URL) => ({
    url,
    transport: createLazyTransport(async () => {
      const { createNegotiatingTransport } = await import("./transport/negotiate.ts");
      return createNegotiatingTransport(url, await tls(), ports.clock, patience, proxy);
    }),
  });
  const { rereadServers } = config;
  const servers = createServers(
    config.servers.map((server) => open(urlOf(server))),
    ports.clock,
    rereadServers &&
      ((known) =>
        rereadServers()?.map((text) => known.find(({ url }) => url.href === urlOf(text).href) ?? open(urlOf(text)))),
  );

  const send = async (request: RawRequest): Promise<Exchange> => {
    if (!config.requestTimeoutMs) return sendOnce(request);
    const late = new AbortController();
    const timer = ports.clock.setTimeout(
      () => late.abort(new ClientError("connection-lost", "request canceled: no answer within the request timeout")),
      config.requestTimeoutMs,
    );
    const signal = request.signal ? AbortSignal.any([request.signal, late.signal]) : late.signal;
    try {
      return await sendOnce({ ...request, signal });
    } finally {
      timer.cancel();
    }
  };

  const sendOnce = (request: RawRequest): Promise<Exchange> => {
    const { bytes, contentType } = encode(request);
    return servers.send({
      method: request.method,
      target: `${request.path}${queryText(request.query)}`,
      headers: {
        accept: request.accept ?? "application/json",
        ...credentials.headers(),
        ...(bytes ? { "content-type": contentType } : {}),
        ...request.headers,
      },
      body: bytes,
      signal: request.signal,
    });
  };

  return withVerbs(
    {
      namespace: config.namespace ?? "default",
      server: () => servers.current().href.replace(/\/$/, ""),
      request: async (request) => readAnswer(await send(request)),
      stream: async (request) => {
        const exchange = await send(request);
        if (exchange.status >= 400) orThrow(await readAnswer(exchange), request);
        return exchange;
      },
      connect: async (request) => {
        const { openConnection } = await import("./connect.ts");
        const headers = { ...credentials.headers(), ...request.headers };
        return openConnection(servers.current(), await tls(), headers, request, proxy);
      },
      upgrade: async (request) => {
        const { passUpgrade } = await import("./upgrade.ts");
        return passUpgrade(servers.current(), await tls(), credentials.headers(), request, proxy);
      },
      close: () => {
        servers.close();
        return Promise.resolve();
      },
    },
    ports,
  );
}

function encode(request: RawRequest): { readonly bytes: Uint8Array | undefined; readonly contentType: string } {
  const contentType = request.contentType ?? "application/json";
  const { body } = request;
  if (body === undefined) return { bytes: undefined, contentType };
  if (body instanceof Uint8Array) return { bytes: body, contentType };
  return { bytes: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), contentType };
}
