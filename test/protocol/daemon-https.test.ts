// The HTTPS server that every daemon has, over real TLS: who gets in, who does not, and what strangers see.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@coxswain/clock";
import { createHttpsServer, createLogger, createMetricsRegistry } from "@coxswain/daemon";
import type { Component } from "@coxswain/daemon";
import { freePort } from "@coxswain/daemon/testing";
import { createAuthority, openAuthority } from "@coxswain/pki";
import type { KeyPair } from "@coxswain/pki";

const folder = mkdtempSync(join(tmpdir(), "coxswain-https-"));
const hourMs = 3_600_000;
let port: number;
let server: Component;
let missing: readonly string[] = [];
let ca: string;
let friend: KeyPair;
let stranger: KeyPair;

beforeAll(async () => {
  const ours = await createAuthority("ours", hourMs, systemClock);
  const theirs = await createAuthority("theirs", hourMs, systemClock);
  const client = { commonName: "friend", usages: ["client"], validityMs: hourMs } as const;
  const authority = await openAuthority(ours, systemClock);
  friend = await authority.issue(client);
  stranger = await (await openAuthority(theirs, systemClock)).issue(client);
  const own = await authority.issue({
    commonName: "server",
    usages: ["server"],
    hosts: ["127.0.0.1"],
    validityMs: hourMs,
  });
  ca = ours.certificate;
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  port = await freePort();
  server = createHttpsServer(
    {
      host: "127.0.0.1",
      port,
      certFile: file("tls.crt", own.certificate),
      keyFile: file("tls.key", own.key),
      clientCaFile: file("ca.crt", ca),
    },
    {
      clock: systemClock,
      log: createLogger("test", "error"),
      metrics: createMetricsRegistry("test"),
      ready: () => missing,
    },
  );
  await server.start(new AbortController().signal);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a daemon's HTTPS server", () => {
  it.each([
    ["/healthz", undefined, 200],
    ["/livez", undefined, 200],
    ["/readyz", undefined, 200],
    ["/metrics", undefined, 401],
    ["/metrics", "stranger", 401],
    ["/metrics", "friend", 200],
    ["/nothing", "friend", 404],
    ["/nothing", undefined, 401],
  ] as const)("answers %s of %s with %d", async (path, who, status) => {
    expect((await get(path, who === "friend" ? friend : who === "stranger" ? stranger : undefined)).status).toBe(
      status,
    );
  });

  it("says what is missing until it is ready", async () => {
    missing = ["the informer of pods is not synced"];
    expect(await get("/readyz")).toEqual({ status: 503, body: "[-] the informer of pods is not synced\n" });
    missing = [];
    expect(await get("/readyz")).toEqual({ status: 200, body: "ok" });
  });

  it("names its role in its metrics", async () => {
    expect((await get("/metrics", friend)).body).toContain('coxswain_build_info{component="test"');
  });

  it("does not speak plain HTTP", async () => {
    const answer = await new Promise<string>((resolve) => {
      httpRequest({ host: "127.0.0.1", port, path: "/healthz" }, (response) => resolve(String(response.statusCode)))
        .on("error", (error) => resolve(error.message))
        .end();
    });
    expect(answer).toBe("socket hang up");
  });

  it("is plain HTTP without a certificate, where the daemon's own gate says who sees more than health", async () => {
    const plain = await freePort();
    const daemon = createHttpsServer(
      { host: "127.0.0.1", port: plain },
      {
        clock: systemClock,
        log: createLogger("test", "error"),
        metrics: createMetricsRegistry("plain"),
        ready: () => [],
        gate: async ({ headers }) => (headers["x-friend"] ? undefined : { status: 403, text: "no" }),
      },
    );
    await daemon.start(new AbortController().signal);
    const ask = (path: string, headers = {}): Promise<number> =>
      fetch(`http://127.0.0.1:${plain}${path}`, { headers }).then((answer) => answer.status);
    expect([await ask("/readyz"), await ask("/metrics"), await ask("/metrics", { "x-friend": "yes" })]).toEqual([
      200, 403, 200,
    ]);
    await daemon.stop();
  });

  it("says in one sentence that its port is taken", async () => {
    const second = createHttpsServer(
      { host: "127.0.0.1", port, certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") },
      {
        clock: systemClock,
        log: createLogger("test", "error"),
        metrics: createMetricsRegistry("second"),
        ready: () => [],
      },
    );
    await expect(second.start(new AbortController().signal)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is already in use`,
    );
    await second.stop();
  });
});

function get(path: string, identity?: KeyPair): Promise<{ status: number; body: string }> {
  const credentials = identity ? { cert: identity.certificate, key: identity.key } : {};
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, ca, agent: false, ...credentials }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on("error", reject).end();
  });
}
