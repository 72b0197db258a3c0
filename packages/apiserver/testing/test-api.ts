// The whole pipeline over memory: requests in, answers out, no socket. Everyone may do everything and no admission plugin
// is on; tests that want them hand them in.
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import type { ApiObject } from "@coxswain/apimachinery";
import { StatusError } from "@coxswain/apimachinery";
import type { AdmissionPlugin } from "../src/core/request.ts";
import type { Kind } from "../src/core/registry/kind.ts";
import { createCustomKinds } from "../src/core/custom/custom-kinds.ts";
import { createKinds } from "../src/core/registry/kind.ts";
import type { Feed } from "../src/io/storage/feed.ts";
import { startFeed } from "../src/io/storage/feed.ts";
import { createObjects } from "../src/io/storage/objects.ts";
import { statusOf } from "../src/errors.ts";
import type { PipelineParts, Reply, Request } from "../src/pipeline.ts";
import { createPassage, pass } from "../src/pipeline.ts";
import type { MemoryStorage } from "./memory-storage.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { noConversion } from "./no-conversion.ts";
import { silentLogger } from "./silent-logger.ts";

/** A decoded answer; members beyond metadata are looked at by name. */
export type Body = ApiObject &
  Record<string, unknown> & {
    items?: (ApiObject & Record<string, unknown>)[];
    message?: string;
    reason?: string;
    metadata: ApiObject["metadata"] & { continue?: string; remainingItemCount?: number };
  };

export interface TestAnswer {
  readonly code: number;
  readonly body: Body;
  readonly warnings: readonly string[];
}

export interface TestApi {
  readonly storage: MemoryStorage;
  readonly clock: ReturnType<typeof createSimulatedClock>;
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
  /** What a watch sends until the test has seen enough: call `events` for what came so far. */
  watch(path: string): Promise<{ events(): string[]; stop(): void }>;
  /** Forgets the caches, as a restart does. */
  restart(): void;
  stop(): void;
}

export function createTestApi(admission: readonly AdmissionPlugin[] = []): TestApi {
  const storage = createMemoryStorage();
  const clock = createSimulatedClock(Date.parse("2026-01-01T00:00:00Z"));
  const random = createSeededRandom(1);
  const custom = createCustomKinds(noConversion);
  const kinds = createKinds(custom);
  let aborter = new AbortController();
  const feeds = new Map<string, Feed>();
  const feed = (kind: Kind): Feed => {
    let known = feeds.get(kind.prefix);
    if (!known)
      feeds.set(
        kind.prefix,
        (known = startFeed(kind.prefix, kind.fields, { storage, clock, log: silentLogger, signal: aborter.signal })),
      );
    return known;
  };
  const stop = (): void => {
    aborter.abort(new DOMException("the test is over", "AbortError"));
    aborter = new AbortController();
    feeds.clear();
  };
  const parts: PipelineParts = {
    kinds,
    storage,
    feed,
    startedFeed: (kind) => feeds.get(kind.prefix),
    admission,
    services: {
      allocate: async (service) => ({ service, commit: async () => undefined, revert: async () => undefined }),
      release: async () => undefined,
    },
    reviews: new Map(),
    objects: createObjects({ kinds, storage, feed, clock, random }),
    clock,
    random,
    log: silentLogger,
    authenticator: {
      authenticate: async () => ({ kind: "user", user: { username: "admin", groups: ["system:masters"] } }),
    },
    authorizer: { authorize: () => ({ decision: "allow", reason: "" }) },
    documents: { find: async () => Promise.reject(new Error("no documents here")) },
    flow: { enter: () => () => undefined },
    memory: { open: () => boundless },
  };

  const run = async (
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ reply: Reply; warnings: string[] }> => {
    const passage = createPassage(requestOf(method, path, body, headers));
    const reply = await pass(passage, parts);
    return { reply, warnings: [...passage.warnings] };
  };

  return {
    storage,
    clock,
    stop,
    restart: stop,
    async send(method, path, body, headers = {}) {
      try {
        const { reply, warnings } = await run(method, path, body, headers);
        return { ...decodeReply(reply), warnings };
      } catch (error) {
        const { status, isBug } = statusOf(error);
        if (isBug && !(error instanceof StatusError)) throw error;
        return { code: status.code, body: status as object as Body, warnings: [] };
      }
    },
    async watch(path) {
      const { reply } = await run("GET", path, undefined, {});
      if (reply.type !== "watch") throw new Error(`expected a watch, found ${reply.type}`);
      const events: string[] = [];
      const end = reply.watch.start({
        initial(initial) {
          for (const { line } of initial) {
            const { type, object } = JSON.parse(Buffer.concat(line()).toString()) as {
              type: string;
              object: ApiObject;
            };
            events.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`);
          }
        },
        event: (type, line) => {
          const { object } = JSON.parse(line().toString()) as { object: ApiObject };
          events.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`);
        },
        bookmark: (revision, isEnd) => void events.push(`BOOKMARK ${revision}${isEnd ? " initial-events-end" : ""}`),
        flush: () => undefined,
        end: (status) => void events.push(`END ${JSON.stringify(status)}`),
      });
      return { events: () => events, stop: end };
    },
  };
}

const boundless = { reserve: () => undefined, release: () => undefined };

function requestOf(method: string, path: string, body: unknown, headers: Readonly<Record<string, string>>): Request {
  const [bare = "", query = ""] = path.split("?");
  const bytes =
    body === undefined ? Buffer.alloc(0) : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const all: Readonly<Record<string, string>> = {
    "content-type": "application/json",
    "user-agent": "test/1",
    ...headers,
  };
  return {
    method,
    path: bare,
    uri: path,
    remoteAddress: "127.0.0.1",
    query: new URLSearchParams(query),
    header: (name) => all[name],
    headersOf: (prefix) => Object.entries(all).filter(([name]) => name.startsWith(prefix)),
    credentials: { certificate: undefined, bearerToken: undefined },
    body: async () => bytes,
    memory: boundless,
    signal: new AbortController().signal,
  };
}

function decodeReply(reply: Reply): { code: number; body: Body } {
  switch (reply.type) {
    case "object":
      return { code: reply.code, body: reply.object as Body };
    case "encoded":
      return { code: reply.code, body: JSON.parse(reply.bytes.toString()) as Body };
    case "status":
      return { code: reply.code, body: reply.status as Body };
    case "list": {
      const items = reply.items.map(({ tail }) => JSON.parse(`{${tail.toString()}`) as Body);
      return {
        code: 200,
        body: {
          kind: `${reply.kind.kind}List`,
          apiVersion: reply.kind.apiVersion,
          metadata: reply.metadata,
          items,
        } as object as Body,
      };
    }
    default:
      throw new Error(`no body in a reply of type ${reply.type}`);
  }
}
