// An API server with bugs planted in it, over real HTTP, under the real load: the checkers must see each of them, and nothing without.
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@coxswain/client";
import { systemClock } from "@coxswain/clock";
import { createSeededRandom } from "@coxswain/clock/testing";
import { describe, expect, it } from "vitest";
import { checkApiWatches } from "../checkers/api-watches.ts";
import { checkApiWrites } from "../checkers/api-writes.ts";
import { startWatcher } from "./watchers.ts";
import { readFinal, startWriters } from "./writers.ts";

type Bug = "none" | "acknowledges before the store does" | "loses a watch event" | "sends a watch event twice";

interface Stored {
  readonly kind: "ConfigMap";
  readonly apiVersion: "v1";
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data: { readonly value: string };
}

/** So many are made at least before the load ends. */
const leastWrites = 200;

/** ConfigMaps of one namespace in memory. Every seventh write meets the bug. */
function startApi(bug: Bug): Server {
  const objects = new Map<string, Stored>();
  const log: { readonly revision: number; readonly type: string; readonly object: Stored }[] = [];
  const watchers = new Set<ServerResponse>();
  let revision = 10;
  let writes = 0;
  const publish = (type: string, object: Stored): void => {
    log.push({ revision, type, object });
    // Not the last ones: whoever waits until all has been heard would wait for ever.
    if (bug === "loses a watch event" && writes % 7 === 0 && writes < leastWrites / 2) return;
    const line = `${JSON.stringify({ type, object })}\n`;
    for (const watcher of watchers)
      watcher.write(bug === "sends a watch event twice" && writes % 7 === 0 ? line + line : line);
  };
  return createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://api");
    const name = url.pathname.split("/")[6];
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const refuse = (code: number, reason: string): void =>
      answer(code, { kind: "Status", apiVersion: "v1", status: "Failure", reason, code, message: reason });
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (url.searchParams.get("watch")) {
        response.writeHead(200, { "content-type": "application/json" });
        response.flushHeaders();
        for (const { type, object } of log.filter(
          (each) => each.revision > Number(url.searchParams.get("resourceVersion")),
        ))
          response.write(`${JSON.stringify({ type, object })}\n`);
        watchers.add(response);
        response.on("close", () => watchers.delete(response));
        return;
      }
      if (request.method === "GET")
        return answer(200, {
          kind: "ConfigMapList",
          apiVersion: "v1",
          metadata: { resourceVersion: String(revision) },
          items: [...objects.values()],
        });
      writes += 1;
      if (request.method === "DELETE") {
        const old = objects.get(name ?? "");
        if (old === undefined) return refuse(404, "NotFound");
        revision += 1;
        objects.delete(old.metadata.name);
        publish("DELETED", { ...old, metadata: { ...old.metadata, resourceVersion: String(revision) } });
        return answer(200, { kind: "Status", apiVersion: "v1", status: "Success" });
      }
      const given = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Stored;
      const there = objects.has(given.metadata.name);
      if (request.method === "POST" && there) return refuse(409, "AlreadyExists");
      if (request.method === "PUT" && !there) return refuse(404, "NotFound");
      revision += 1;
      const object = { ...given, metadata: { ...given.metadata, resourceVersion: String(revision) } };
      // The bug: the client hears of it, and the store never does.
      if (bug !== "acknowledges before the store does" || writes % 7 !== 0) {
        objects.set(object.metadata.name, object);
        publish(there ? "MODIFIED" : "ADDED", object);
      }
      return answer(200, object);
    });
  });
}

async function drillAgainst(bug: Bug): Promise<{ readonly writes: string; readonly watches: string }> {
  const server = startApi(bug);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const client = createClient(
    { servers: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`], userAgent: "planted" },
    { clock: systemClock },
  );
  const watcher = startWatcher(1, client, "drill", systemClock);
  const writers = startWriters(
    { namespace: "drill", writers: 2, objectsPerWriter: 40, pauseMs: 1, timeoutMs: 20_000 },
    [client],
    { clock: systemClock, random: createSeededRandom(1) },
  );
  try {
    while (writers.writes.length < leastWrites) await systemClock.sleep(5);
    await writers.stop();
    const final = await readFinal(client, "drill", systemClock, 20_000);
    const last = Math.max(...(final ?? []).map(({ resourceVersion }) => Number(resourceVersion)));
    while (watcher.position() < last) await systemClock.sleep(5);
    return {
      writes: checkApiWrites(writers.writes, final).outcome,
      watches: checkApiWatches(writers.writes, [watcher.record(true)]).outcome,
    };
  } finally {
    await writers.stop();
    await watcher.close();
    await client.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

describe("an API server that", () => {
  it.each<[Bug, string, string]>([
    ["none", "passed", "passed"],
    ["acknowledges before the store does", "violated", "violated"],
    ["loses a watch event", "passed", "violated"],
    ["sends a watch event twice", "passed", "violated"],
  ])("%s: writes %s, watches %s", async (bug, writes, watches) => {
    expect(await drillAgainst(bug)).toEqual({ writes, watches });
  });
});
