import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditSink } from "./auditor.ts";
import { createBatches } from "./batches.ts";
import type { AuditWebhookConfig } from "./webhook.ts";
import { createAuditWebhook } from "./webhook.ts";

describe("batches", () => {
  const rig = (config: object = {}) => {
    const clock = createSimulatedClock();
    const sent: string[] = [];
    const ended: (() => void)[] = [];
    const send = (lines: readonly string[]): Promise<void> => {
      sent.push(lines.join(""));
      return new Promise((resolve) => ended.push(resolve));
    };
    const all = { bufferSize: 4, maxSize: 2, maxWaitMs: 1000, throttle: undefined, ...config };
    return { clock, sent, ended, batches: createBatches(all, { send, clock }) };
  };

  it("are sent when they are full, and when the first has waited long enough", async () => {
    const { clock, sent, batches } = rig();
    for (const line of "abc") expect(batches.add(line)).toBe(true);
    await clock.advance(0);
    expect(sent).toEqual(["ab"]);
    await clock.advance(999);
    expect(sent).toEqual(["ab"]);
    await clock.advance(1);
    expect(sent).toEqual(["ab", "c"]);
    expect(clock.pending()).toBe(0);
  });

  it("keep to their rate after a burst, and refuse what does not fit meanwhile", async () => {
    const { clock, sent, batches } = rig({ maxSize: 1, throttle: { qps: 10, burst: 2 } });
    const taken = [..."abcdef"].map((line) => batches.add(line));
    expect(taken).toEqual([true, true, true, true, false, false]);
    await clock.advance(0);
    expect(sent).toEqual(["a", "b"]);
    await clock.advance(100);
    expect(sent).toEqual(["a", "b", "c"]);
    await clock.advance(100);
    expect(sent).toEqual(["a", "b", "c", "d"]);
  });

  it("are all sent before the end, which waits for them", async () => {
    const { clock, sent, ended, batches } = rig();
    for (const line of "abc") batches.add(line);
    let isOver = false;
    const end = batches.stop().then(() => (isOver = true));
    await clock.advance(0);
    expect([sent, isOver, batches.add("d")]).toEqual([["ab", "c"], false, false]);
    for (const finish of ended) finish();
    await end;
    expect(sent).toEqual(["ab", "c"]);
  });
});

describe("the webhook of the audit log", () => {
  const dir = mkdtempSync(join(tmpdir(), "coxswain-audit-hook-"));
  const file = join(dir, "webhook.yaml");
  const bodies: unknown[] = [];
  const codes: number[] = [];
  const times: number[] = [];
  let authorization: string | undefined;
  const server = createServer((request, response) => {
    authorization = request.headers.authorization;
    times.push(clock.monotonic());
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      bodies.push(JSON.parse(Buffer.concat(pieces).toString()));
      response.writeHead(codes.shift() ?? 200).end("no\n");
    });
  });
  const lost: [number, string][] = [];
  const clock = createSimulatedClock();
  const event = (id: string): string => `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"${id}"}\n`;
  const start = async (mode: AuditWebhookConfig["mode"], maxSize = 2): Promise<AuditSink> => {
    const batch = { bufferSize: 2, maxSize, maxWaitMs: 1000, throttle: undefined };
    const sink = createAuditWebhook(
      { file, mode, initialBackoffMs: 1000, batch },
      {
        clock,
        random: createSeededRandom(1),
        lost: (count, error) => lost.push([count, (error as Error).message]),
      },
    );
    await sink.start(new AbortController().signal);
    return sink;
  };
  beforeEach(async () => {
    bodies.length = codes.length = times.length = lost.length = 0;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    writeFileSync(join(dir, "token"), "secret\n");
    writeFileSync(
      file,
      `{apiVersion: v1, kind: Config, current-context: it, contexts: [{name: it, context: {cluster: c, user: u}}],
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:${port}/events"}}], users: [{name: u, user: {tokenFile: token}}]}`,
    );
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("gets lists of events, from who is named in its file", async () => {
    const sink = await start("batch");
    await Promise.all([sink.write(event("a")), sink.write(event("b"))]);
    await sink.stop();
    const items = [{ auditID: "a" }, { auditID: "b" }];
    expect(bodies).toEqual([{ kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items }]);
    expect([authorization, lost]).toEqual(["Bearer secret", []]);
  });

  it("is asked again when it fails, more slowly each time, and then no more", async () => {
    codes.push(500, 503);
    const sink = await start("blocking");
    const reach = (count: number): Promise<void> =>
      expect
        .poll(() => clock.advance(200).then(() => bodies.length), { timeout: 20_000, interval: 20 })
        .toBeGreaterThanOrEqual(count);
    const retried = sink.write(event("a"));
    await reach(3);
    await retried;
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(third - second).toBeGreaterThanOrEqual(1500);
    codes.push(...Array.from({ length: 5 }, () => 500));
    const failed = expect(sink.write(event("b"))).rejects.toThrow("the server answered 500: no");
    await reach(8);
    await failed;
    expect(bodies.length).toBe(8);
    await sink.stop();
  });

  it("loses what does not arrive before the end, and says how much", async () => {
    codes.push(500);
    const sink = await start("batch");
    await Promise.all([sink.write(event("a")), sink.write(event("b"))]);
    await expect.poll(() => bodies.length, { timeout: 10_000 }).toBe(1);
    await sink.stop();
    expect(lost).toEqual([[2, "the server answered 500: no\n"]]);
    await expect(sink.write(event("c"))).rejects.toThrow("audit buffer queue blocked");
  });

  it("cannot be begun with a file that names no server", async () => {
    writeFileSync(file, "{current-context: other, contexts: []}");
    await expect(start("batch")).rejects.toThrow('there is no context "other"');
  });
});
