import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../testing/silent-logger.ts";
import { readAuditPolicy } from "../../core/audit/policy.ts";
import type { AuditMode } from "../../core/audit/policy.ts";
import { metricTable } from "../../metrics.ts";
import type { Request } from "../../pipeline.ts";
import { createPassage } from "../../pipeline.ts";
import type { AuditSink } from "./auditor.ts";
import { createAuditor } from "./auditor.ts";
import type { LogFile } from "./log-file.ts";
import { createLogFile } from "./log-file.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "coxswain-audit-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the file of the audit log", () => {
  const aside = (): string[] =>
    readdirSync(dir)
      .filter((name) => name !== "audit.log")
      .sort();

  it("has all lines in their order, and goes on where it ended", async () => {
    const config = { path: join(dir, "audit.log"), longestBytes: 1000, mostAside: 0, oldestMs: 0 };
    for (const round of [1, 2]) {
      const file = createLogFile(config, { clock: createSimulatedClock() });
      await file.start(new AbortController().signal);
      await Promise.all(["a", "b", "c"].map((line) => file.write(`${line}${round}\n`)));
      await file.stop();
    }
    expect(readFileSync(config.path, "utf8")).toBe("a1\nb1\nc1\na2\nb2\nc2\n");
  });

  it("is put aside when it has grown too long; of those only as many are kept as wanted, and none that are too old", async () => {
    const clock = createSimulatedClock(Date.parse("2026-11-21T04:05:06.789Z"));
    const old = join(dir, "audit-2026-11-19T00-00-00.000.log");
    writeFileSync(old, "old\n");
    writeFileSync(join(dir, "audit-of-something-else.log"), "");
    utimesSync(old, 1, 1);
    const config = { path: join(dir, "audit.log"), longestBytes: 10, mostAside: 2, oldestMs: 86_400_000 };
    const file = createLogFile(config, { clock });
    for (const line of ["first", "second", "third", "fourth"]) {
      await file.write(`${line}\n`);
      await clock.advance(1000);
    }
    await file.stop();
    expect(readFileSync(config.path, "utf8")).toBe("fourth\n");
    expect(aside()).toEqual([
      "audit-2026-11-21T04-05-08.789.log",
      "audit-2026-11-21T04-05-09.789.log",
      "audit-of-something-else.log",
    ]);
  });

  it("says so when it cannot be written, and is tried again", async () => {
    const file = createLogFile(
      { path: join(dir, "missing", "audit.log"), longestBytes: 10, mostAside: 0, oldestMs: 0 },
      { clock: createSimulatedClock() },
    );
    await expect(file.start(new AbortController().signal)).rejects.toThrow("cannot be opened");
    await expect(file.write("a\n")).rejects.toThrow("ENOENT");
  });
});

const sink = (mode: AuditMode, write: AuditSink["write"]): AuditSink => ({
  plugin: "log",
  mode,
  write,
  start: async () => undefined,
  ready: () => [],
  stop: async () => undefined,
});

describe("the audit log", () => {
  const rig = (mode: AuditMode, level: string, write: LogFile["write"]) =>
    createAuditor([sink(mode, write)], {
      policy: () => readAuditPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: ${level}}]`),
      clock: createSimulatedClock(),
      log: silentLogger,
      metrics: createMetricsRegistry("test").create(metricTable),
    });
  const headers: Readonly<Record<string, string>> = {
    "user-agent": "test/1",
    "x-forwarded-for": "10.0.0.1, 10.0.0.2",
    "x-real-ip": "10.0.0.1",
  };
  const request = (method: string, path: string): Request => ({
    method,
    path,
    uri: `${path}?pretty=1`,
    remoteAddress: "::ffff:10.0.0.3",
    query: new URLSearchParams(),
    header: (name) => headers[name],
    headersOf: () => [],
    credentials: { certificate: undefined, bearerToken: "x" },
    body: async () => Buffer.alloc(0),
    signal: new AbortController().signal,
    memory: { reserve: () => undefined, release: () => undefined },
  });
  const lines = (written: readonly string[]): unknown[] => written.map((line) => JSON.parse(line) as unknown);

  it("tells what was asked at once, and what came of it, without fields that nobody wants", async () => {
    const written: string[] = [];
    const auditor = rig(
      "blocking",
      "RequestResponse, omitManagedFields: true",
      async (line) => void written.push(line),
    );
    const passage = { ...createPassage(request("PUT", "/apis/apps/v1/namespaces/a/deployments/d"), "id"), user };
    const trail = await auditor.begin(passage);
    expect(lines(written)).toEqual([
      {
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "RequestResponse",
        auditID: "id",
        stage: "RequestReceived",
        requestURI: "/apis/apps/v1/namespaces/a/deployments/d?pretty=1",
        verb: "update",
        user: { username: "jane", uid: "7", groups: ["a"], extra: { b: ["c"] } },
        sourceIPs: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        userAgent: "test/1",
        objectRef: { resource: "deployments", namespace: "a", name: "d", apiGroup: "apps", apiVersion: "v1" },
        requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
        stageTimestamp: "2026-01-01T00:00:00.000000Z",
      },
    ]);
    const body = { kind: "Deployment", metadata: { name: "d", uid: "u", resourceVersion: "3", managedFields: [{}] } };
    trail?.requested(body);
    body.metadata.name = "changed afterwards";
    trail?.annotate("a", "first");
    trail?.annotate("a", "second");
    const list = '{"items":[{"metadata":{"managedFields":[1],"name":"x"},"n":9223372036854775807}]}';
    trail?.completed({ code: 200, text: () => list });
    expect(lines(written.slice(1))).toMatchObject([
      {
        stage: "ResponseComplete",
        objectRef: { uid: "u", resourceVersion: "3" },
        responseStatus: { metadata: {}, code: 200 },
        requestObject: { kind: "Deployment", metadata: { name: "d", uid: "u", resourceVersion: "3" } },
        annotations: { a: "first" },
      },
    ]);
    expect(written[1]).toContain('"responseObject":{"items":[{"metadata":{"name":"x"},"n":9223372036854775807}]}');
  });

  it("tells nothing of what its policy does not want, and of strangers that they are ones", async () => {
    const written: string[] = [];
    const passage = createPassage(request("GET", "/api/v1/pods"), "id");
    expect(await rig("blocking", "None", async (line) => void written.push(line)).begin(passage)).toBeUndefined();
    expect(written).toEqual([]);
    await rig("batch", "Metadata", async (line) => void written.push(line)).stranger(passage);
    const message = "Authentication failed, attempted: bearer";
    expect(lines(written)).toMatchObject([
      { stage: "ResponseStarted", responseStatus: { status: "Failure", reason: "Unauthorized", code: 401, message } },
    ]);
  });

  it("stops what would go unrecorded only where that is wanted", async () => {
    const broken = (): Promise<void> => Promise.reject(new Error("the disk is full"));
    const begin = (mode: AuditMode): Promise<unknown> =>
      rig(mode, "Metadata", broken).begin({ ...createPassage(request("GET", "/api/v1/pods"), "id"), user });
    await expect(begin("blocking-strict")).rejects.toThrow("failed to store audit event");
    expect(await begin("blocking")).toBeDefined();
    expect(await begin("batch")).toBeDefined();
  });

  const user = { username: "jane", uid: "7", groups: ["a"], extra: { b: ["c"] } };
});
