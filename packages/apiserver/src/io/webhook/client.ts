// Asks webhooks: one POST over TLS each, to a URL or to an endpoint of a service (as aggregated groups are reached), over connections that are kept
// and shared. Who is slow holds up nobody but the request that needs its word, and that no longer than its timeout. Failures are told in
// Go's words, because people know them. It reads no review.
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { WebhookClientConfig } from "@coxswain/api/admissionregistration/v1";
import type { Service } from "@coxswain/api/core/v1";
import { isJsonObject, parseJson, reasonOf, StatusError } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component } from "@coxswain/daemon";
import type { HookCaller } from "../../core/admission/webhook/caller.ts";
import { HookError } from "../../core/admission/webhook/caller.ts";
import type { ObjectReader } from "../../core/request.ts";
import { serviceTarget } from "../node-tunnel/proxy-target.ts";
import { callWords } from "./failure-words.ts";

export interface HookClient extends HookCaller, Component {}

/** Connections to one webhook, of which some are kept while nobody asks. */
const mostConnections = 64;
const mostIdleConnections = 25;
const idleMs = 60_000;
/** Webhooks whose connections are kept. */
const mostAgents = 64;
const longestAnswerBytes = 16 * 1024 * 1024;

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Whose certificate it must be. */
  readonly servername: string;
  /** As failures name it. */
  readonly url: string;
}

export function createHookClient({ objects, clock }: { objects: ObjectReader; clock: Clock }): HookClient {
  const agents = new Map<string, Agent>();
  const agentFor = ({ servername }: Target, ca: string | undefined): Agent => {
    const key = `${servername} ${ca ?? ""}`;
    const agent = agents.get(key) ?? new Agent(agentOptions(ca));
    // The one that was used last stands last.
    agents.delete(key);
    agents.set(key, agent);
    for (const [oldest, idle] of agents) {
      if (agents.size <= mostAgents) break;
      agents.delete(oldest);
      idle.destroy();
    }
    return agent;
  };

  return {
    async post(config, review, timeoutSeconds, signal, deadlineMs = Infinity) {
      const limitMs = Math.max(1, Math.min(timeoutSeconds * 1000, deadlineMs - clock.monotonic()));
      const target = await targetOf(config, Math.ceil(limitMs / 1000), objects, signal);
      const body = Buffer.from(JSON.stringify(review));
      const aborter = new AbortController();
      const timer = clock.setTimeout(() => aborter.abort(timedOut), limitMs);
      const either = signal ? AbortSignal.any([signal, aborter.signal]) : aborter.signal;
      const agent = agentFor(target, config.caBundle);
      try {
        return await exchange(target, agent, body, either).catch((error: unknown) => {
          // The other side had closed a kept connection while we wrote: it has seen nothing.
          if (error instanceof StaleConnection && !either.aborted) return exchange(target, agent, body, either);
          throw error;
        });
      } catch (error) {
        if (error instanceof HookError) throw error;
        const why = either.aborted ? wordsOfAbort(aborter.signal) : callWords(error, target);
        throw new HookError(`Post ${JSON.stringify(target.url)}: ${why}`, { cause: error });
      } finally {
        timer.cancel();
      }
    },
    start: async () => undefined,
    ready: () => [],
    async stop() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

const timedOut = new DOMException("the webhook did not answer in time", "TimeoutError");

function wordsOfAbort(own: AbortSignal): string {
  return own.aborted ? "context deadline exceeded" : "context canceled";
}

function agentOptions(ca: string | undefined): ConstructorParameters<typeof Agent>[0] {
  return {
    keepAlive: true,
    maxSockets: mostConnections,
    maxFreeSockets: mostIdleConnections,
    timeout: idleMs,
    ...(ca !== undefined && ca !== "" && { ca: Buffer.from(ca, "base64") }),
  };
}

async function targetOf(
  { url, service }: DeepReadonly<WebhookClientConfig>,
  timeoutSeconds: number,
  objects: ObjectReader,
  signal: AbortSignal | undefined,
): Promise<Target> {
  const query = `timeout=${timeoutSeconds}s`;
  if (!service) {
    const parsed = new URL(url ?? "");
    const shown = `${url ?? ""}${parsed.search === "" ? "?" : "&"}${query}`;
    const path = `${parsed.pathname}${parsed.search === "" ? "?" : `${parsed.search}&`}${query}`;
    const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
    return { host, port: Number(parsed.port || 443), path, servername: host, url: shown };
  }
  const { name, namespace, port = 443, path = "" } = service;
  const servername = `${name}.${namespace}.svc`;
  const asked = `${path.startsWith("/") ? path : `/${path}`}?${query}`;
  const shown = `https://${servername}:${port}${asked}`;
  try {
    const at = await endpointOf(objects, { namespace, name, port }, signal);
    return { ...at, path: asked, servername, url: shown };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new HookError(`Post ${JSON.stringify(shown)}: ${serviceWords(error, name)}`, {
      cause: error,
    });
  }
}

/** Throws a StatusError when the service leads nowhere. */
async function endpointOf(
  objects: ObjectReader,
  { namespace, name, port }: { readonly namespace: string; readonly name: string; readonly port: number },
  signal: AbortSignal | undefined,
): Promise<{ readonly host: string; readonly port: number }> {
  const services = objects.view({ group: "", resource: "services" });
  await services.whenSynced(signal);
  await objects.view({ group: "discovery.k8s.io", resource: "endpointslices" }).whenSynced(signal);
  const { spec } = (services.get(namespace, name) as Service | undefined) ?? {};
  if (spec?.type === "ExternalName") return { host: spec.externalName ?? "", port };
  const { host, port: number } = serviceTarget(objects, namespace, `https:${name}:${port}`, "");
  return { host, port: number };
}

function serviceWords(error: StatusError, name: string): string {
  if (reasonOf(error) === "NotFound") return `service ${JSON.stringify(name)} not found`;
  return error.message.startsWith("no endpoints")
    ? `no endpoints available for service ${JSON.stringify(name)}`
    : error.message;
}

class StaleConnection extends Error {}

/** The answer as JSON. Rejects with a HookError for what is no good answer, with the socket's error where there is none. */
function exchange(target: Target, agent: Agent, body: Buffer, signal: AbortSignal): Promise<unknown> {
  const { host, port, path, servername } = target;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      {
        agent,
        host,
        port,
        path,
        method: "POST",
        signal,
        // An address has no name to ask for.
        ...(servername !== host && { servername }),
        headers: {
          host: `${servername.includes(":") ? `[${servername}]` : servername}:${port}`,
          accept: "application/json, */*",
          "content-type": "application/json",
          "content-length": body.length,
          "user-agent": "kube-apiserver-admission",
        },
      },
      (answer) => void read(answer).then(resolve, reject),
    );
    outgoing.on("error", (error) =>
      reject(outgoing.reusedSocket ? new StaleConnection(error.message, { cause: error }) : error),
    );
    outgoing.end(body);
  });
}

async function read(answer: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > longestAnswerBytes) throw new HookError("the answer is too long");
  }
  const text = Buffer.concat(pieces).toString();
  const value = parsed(text);
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) throw new HookError(`${refusalWords(status, value, text)}`);
  if (value === undefined)
    throw new HookError(
      `couldn't get version/kind; json parse error: invalid character in ${JSON.stringify(text.slice(0, 64))}`,
    );
  return value;
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** As client-go puts an answer that is no success: a Status in its own words, or by the code. */
function refusalWords(status: number, value: unknown, text: string): string {
  if (isJsonObject(value) && value["kind"] === "Status" && typeof value["message"] === "string")
    return value["message"];
  switch (status) {
    case 400:
      return "the server rejected our request for an unknown reason";
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
      return `forbidden: ${text.trim()}`;
    case 404:
      return "the server could not find the requested resource";
    case 405:
      return "the server does not allow this method on the requested resource";
    case 429:
      return "the server has received too many requests and has asked us to try again later";
    case 503:
      return "the server is currently unable to handle the request";
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be processing the request";
    default:
      return status >= 500
        ? `an error on the server (${JSON.stringify(text.trim() || "unknown")}) has prevented the request from succeeding`
        : `the server responded with the status code ${status} but did not return more information`;
  }
}
