// The DNS daemon as a process beside a real API server, asked by Node's resolver: what kubectl makes has a name, and keeps it
// over a restart of the daemon while no API server is there.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { join } from "node:path";
import { startControlPlane } from "../protocol/control-plane.ts";
import type { ControlPlane } from "../protocol/control-plane.ts";

const address = "127.53.9.9";
const port = 15_399;
let plane: ControlPlane;
let daemon: ChildProcess | undefined;

beforeAll(async () => {
  plane = await startControlPlane();
  execFileSync(
    "openssl",
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout dns.key -out dns.crt -subj /CN=dns".split(
      " ",
    ),
    { cwd: plane.dir, stdio: "ignore" },
  );
  writeFileSync(join(plane.dir, "resolv.conf"), "");
}, 120_000);

afterAll(async () => {
  await end();
  await plane[Symbol.asyncDispose]();
}, 60_000);

function start(): void {
  const flags = {
    kubeconfig: plane.servers[0]?.kubeconfig ?? "",
    "dns-bind-address": address,
    port: String(port),
    interface: "",
    "resolv-conf": join(plane.dir, "resolv.conf"),
    "bind-address": "127.0.0.1",
    "secure-port": "19153",
    "tls-cert-file": join(plane.dir, "dns.crt"),
    "tls-private-key-file": join(plane.dir, "dns.key"),
    "memory-file": join(plane.dir, "dns", "memory.json"),
  };
  const main = join(import.meta.dirname, "../../packages/dns/src/main.ts");
  daemon = spawn(process.execPath, [main, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)], {
    stdio: "ignore",
  });
}

async function end(): Promise<void> {
  if (!daemon || daemon.exitCode !== null) return;
  daemon.kill("SIGTERM");
  await once(daemon, "exit");
}

async function ask(name: string): Promise<readonly string[] | string> {
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`${address}:${port}`]);
  return resolver.resolve4(name).catch((error: NodeJS.ErrnoException) => error.code ?? "");
}

describe("the DNS daemon beside an API server", () => {
  it("answers what kubectl makes, and still does after a restart without an API server", async () => {
    const name = "web.default.svc.cluster.local";
    start();
    await plane.must(["create", "service", "clusterip", "web", "--tcp=80:80", "--clusterip=10.96.7.7"]);
    await expect.poll(() => ask(name), { timeout: 60_000 }).toEqual(["10.96.7.7"]);
    await end();
    for (const server of plane.servers) await server.stop();
    start();
    await expect.poll(() => ask(name), { timeout: 60_000 }).toEqual(["10.96.7.7"]);
    expect(await ask("none.default.svc.cluster.local")).toBe("ENOTFOUND");
  }, 180_000);
});
