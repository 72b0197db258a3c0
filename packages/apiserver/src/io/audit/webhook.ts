// Sends audit events to a server, as lists of audit.k8s.io/v1: many at once in the mode `batch`, each for itself in the others. What does not arrive
// is tried again a few times, more slowly each time, and is lost then, which is counted. After apiserver's `audit/webhook`.
import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { Agent, request as httpsRequest } from "node:https";
import { dirname, resolve } from "node:path";
import type { Clock, Random } from "@coxswain/clock";
import { StartError } from "@coxswain/daemon";
import type { AuditMode } from "../../core/audit/policy.ts";
import { readWebhookConfig } from "../../core/audit/webhook-config.ts";
import type { Given, WebhookConfig } from "../../core/audit/webhook-config.ts";
import type { AuditSink } from "./auditor.ts";
import type { Batches, BatchConfig } from "./batches.ts";
import { BufferFullError, createBatches } from "./batches.ts";

// As in `node-tunnel/forward.ts`: an import of it would load more than is used.
const { request: httpRequest, Agent: PlainAgent } = process.getBuiltinModule("node:http");

export interface AuditWebhookConfig {
  readonly file: string;
  readonly mode: AuditMode;
  readonly initialBackoffMs: number;
  /** For the mode `batch`. */
  readonly batch: BatchConfig;
}

export interface AuditWebhookPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** So many events could not be sent. */
  readonly lost: (count: number, error: unknown) => void;
}

const attempts = 5;
const backoffFactor = 1.5;
const backoffJitter = 0.2;
const timeoutMs = 30_000;
const mostConnections = 16;
/** Certificates and tokens change while we run. */
const readAgainMs = 60_000;
const longestWordsBytes = 2048;

export function createAuditWebhook(config: AuditWebhookConfig, ports: AuditWebhookPorts): AuditSink {
  const { clock, random, lost } = ports;
  const stopping = new AbortController();
  let target: Target | undefined;
  let readAtMs = 0;
  let batches: Batches | undefined;

  const current = async (): Promise<Target> => {
    if (target && clock.monotonic() - readAtMs < readAgainMs) return target;
    const fresh = await readTarget(config.file);
    readAtMs = clock.monotonic();
    if (target?.key === fresh.key) return target;
    target?.agent.destroy();
    return (target = fresh);
  };
  const send = async (lines: readonly string[]): Promise<void> => {
    const body = listOf(lines);
    let delayMs = config.initialBackoffMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await post(await current(), body, clock);
      } catch (error) {
        if (attempt >= attempts || stopping.signal.aborted) throw error;
        await clock.sleep(delayMs * (1 + backoffJitter * random.next()), stopping.signal).catch(() => {
          throw error;
        });
        delayMs *= backoffFactor;
      }
    }
  };
  return {
    plugin: "webhook",
    mode: config.mode,
    async write(line) {
      if (!batches) return send([line]);
      if (!batches.add(line)) throw new BufferFullError("audit buffer queue blocked");
    },
    async start() {
      try {
        await current();
      } catch (cause) {
        throw new StartError(`the audit webhook of ${config.file} cannot be used: ${(cause as Error).message}`, {
          cause,
        });
      }
      if (config.mode === "batch")
        batches = createBatches(config.batch, {
          send: (lines) => send(lines).catch((error: unknown) => lost(lines.length, error)),
          clock,
        });
    },
    ready: () => [],
    async stop() {
      stopping.abort(new DOMException("stopped", "AbortError"));
      await batches?.stop();
      target?.agent.destroy();
    },
  };
}

const itemStart = '{"kind":"Event","apiVersion":"audit.k8s.io/v1",';

/** Items of a list do not say what they are. */
function listOf(lines: readonly string[]): Buffer {
  const items = lines.map((line) => (line.startsWith(itemStart) ? `{${line.slice(itemStart.length)}` : line));
  return Buffer.from(
    `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${items.map((item) => item.trimEnd()).join(",")}]}`,
  );
}

interface Target {
  /** The same while nothing has changed. */
  readonly key: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: InstanceType<typeof PlainAgent>;
  readonly tls: RequestOptions;
}

async function readTarget(file: string): Promise<Target> {
  const config = readWebhookConfig(await readFile(file, "utf8"));
  const read = async (given: Given | undefined): Promise<string | undefined> =>
    given && ("text" in given ? given.text : readFile(resolve(dirname(file), given.file), "utf8"));
  const [ca, cert, key, token] = await Promise.all([config.ca, config.cert, config.key, config.token].map(read));
  const keep = { keepAlive: true, maxSockets: mostConnections };
  const { url, serverName, isUnverified, basic } = config;
  return {
    key: JSON.stringify([url.href, serverName, isUnverified, basic, ca, cert, key, token]),
    url,
    headers: authorizationOf(token?.trim(), basic),
    agent: url.protocol === "https:" ? new Agent(keep) : new PlainAgent(keep),
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: !isUnverified,
    },
  };
}

function authorizationOf(token: string | undefined, basic: WebhookConfig["basic"]): Record<string, string> {
  if (token !== undefined && token !== "") return { authorization: `Bearer ${token}` };
  if (!basic) return {};
  return { authorization: `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}` };
}

/** Rejects for anything but an answer of the 200s. */
function post({ url, headers, agent, tls }: Target, body: Buffer, clock: Clock): Promise<void> {
  const aborter = new AbortController();
  const timer = clock.setTimeout(() => aborter.abort(new Error("the server did not answer in time")), timeoutMs);
  const isSecure = url.protocol === "https:";
  return new Promise<void>((fulfil, reject) => {
    const outgoing = (isSecure ? httpsRequest : httpRequest)(
      url,
      {
        method: "POST",
        agent,
        signal: aborter.signal,
        ...(isSecure && tls),
        headers: {
          ...headers,
          accept: "application/json, */*",
          "content-type": "application/json",
          "content-length": body.length,
          "user-agent": "kube-apiserver-audit",
        },
      },
      (answer) => {
        let words = "";
        answer.on("data", (piece: Buffer) => {
          if (words.length < longestWordsBytes) words += piece.toString();
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          if (status >= 200 && status <= 206) return fulfil();
          reject(new Error(`the server answered ${status}: ${words.slice(0, longestWordsBytes)}`));
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  }).finally(() => timer.cancel());
}
