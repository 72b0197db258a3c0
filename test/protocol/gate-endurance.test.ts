// The gate under pressure and over time: half-open connections, a crowd at a quota, files that are replaced, against real apiservers.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { systemClock } from "@coxswain/clock";
import { createAuthority } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { askAs, certificateOf, dayMs } from "./gate/callers.ts";

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane?.[Symbol.asyncDispose]());

describe("the port", () => {
  const port = (): number => plane.servers[0]?.port ?? 0;

  it("speaks no plain HTTP and no TLS below 1.2", async () => {
    const plain = await new Promise<string>((resolve) => {
      const socket = connectTcp(port(), "127.0.0.1", () => socket.write("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"));
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(text));
    });
    expect(plain).not.toContain("200 OK");
    const old = await new Promise<string>((resolve) => {
      const socket = connectTls({
        port: port(),
        host: "127.0.0.1",
        ca: plane.tls.ca,
        minVersion: "TLSv1",
        maxVersion: "TLSv1.1",
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      socket.on("secureConnect", () => resolve("connected"));
      socket.on("error", (error) => resolve(error.message));
    });
    expect(old).toContain("alert protocol version");
  });

  it("serves others while ten thousand connections never finish their handshake", async () => {
    const idle: Socket[] = [];
    try {
      for (let i = 0; i < 10_000; i++) {
        const socket = connectTcp(port(), "127.0.0.1");
        socket.on("error", () => undefined);
        idle.push(socket);
        if (i % 1000 === 999) expect((await askAs(plane, "/version")).status).toBe(200);
      }
      expect(await plane.must(["auth", "whoami"])).toContain("kubernetes-admin");
      // A few may never have been accepted, when the queue was full; those cost the server nothing.
      await expect
        .poll(() => idle.filter((socket) => !socket.destroyed).length, { timeout: 30_000 })
        .toBeLessThan(1000);
      const late = connectTcp(port(), "127.0.0.1");
      idle.push(late);
      await once(late, "close");
    } finally {
      for (const socket of idle) socket.destroy();
    }
  });
});

describe("a quota", () => {
  it("is never overdrawn by a crowd on two servers", async () => {
    await using two = await startControlPlane({ apiservers: 2 });
    await two.must(["create", "namespace", "full"]);
    await two.must(["create", "quota", "few", "-n", "full", "--hard=configmaps=10"]);
    // As the quota controller would: nothing is there yet.
    const status = { status: { hard: { configmaps: "10" }, used: { configmaps: "0" } } };
    await two.must([
      ...["patch", "quota", "few", "-n", "full", "--subresource=status", "--type=merge", "-p", JSON.stringify(status)],
    ]);
    const path = "/api/v1/namespaces/full/configmaps";
    // Both have to know of the quota: each refuses before it has been counted.
    for (const server of [0, 1])
      await expect
        .poll(
          async () => (await two.call("GET", "/api/v1/namespaces/full/resourcequotas", { server })).body.items.length,
        )
        .toBe(1);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_unused, index) =>
        two.call("POST", path, {
          server: index % 2,
          body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `map-${index}` } },
        }),
      ),
    );
    const refused = answers.filter((answer) => answer.status === 403);
    expect([answers.filter((answer) => answer.status === 201).length, refused.length]).toEqual([10, 40]);
    expect(refused[0]?.body.message).toMatch(
      /^configmaps "map-\d+" is forbidden: exceeded quota: few, requested: configmaps=1, used: configmaps=10, limited: configmaps=10$/,
    );
    expect((await two.call("GET", path)).body.items).toHaveLength(10);
  });
});

describe("new files", () => {
  it("are believed without a restart: an authority that is gone is no longer believed, on open connections neither", async () => {
    await using own = await startControlPlane();
    const file = own.pki.authorityFile("kubernetes-ca");
    const before = readFileSync(file, "utf8");
    const next = await createAuthority("kubernetes-ca", dayMs, systemClock);
    const heir = await certificateOf(
      own,
      { commonName: "heir", organizations: ["system:masters"] },
      { authority: next },
    );
    writeFileSync(join(own.dir, "heir.crt"), heir.certificate);
    writeFileSync(join(own.dir, "heir.key"), heir.key);
    const asHeir = (): string =>
      execFileSync(
        "curl",
        [
          ...["-s", "-o", "/dev/null", "-w", "%{http_code}", "--insecure"],
          ...["--cert", join(own.dir, "heir.crt"), "--key", join(own.dir, "heir.key")],
          `https://127.0.0.1:${own.servers[0]?.port}/api/v1/nodes`,
        ],
        { encoding: "utf8" },
      );
    expect((await own.call("GET", "/api/v1/nodes")).status).toBe(200);
    expect(asHeir()).toBe("401");
    writeFileSync(file, `${before}${next.certificate}`);
    await expect.poll(asHeir, { timeout: 60_000, interval: 500 }).toBe("200");
    expect((await own.call("GET", "/api/v1/nodes")).status).toBe(200);
    writeFileSync(file, next.certificate);
    await expect
      .poll(async () => (await own.call("GET", "/api/v1/nodes")).status, { timeout: 60_000, interval: 500 })
      .toBe(401);
    expect(asHeir()).toBe("200");
  });
});
