// The client port of real processes: certificates that change, tokens and users over a kill, ports of their own for metrics, and what
// a client is told that insists on a leader. About 25 seconds.
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tls from "node:tls";
import { systemClock } from "@coxswain/clock";
import { createAuthority, openAuthority } from "@coxswain/pki";
import { afterEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { ProcessGroup } from "../testing/processes.ts";

const dayMs = 86_400_000;
const open: ProcessGroup[] = [];
afterEach(async () => {
  for (const group of open.splice(0)) await group[Symbol.asyncDispose]();
});
const newGroup = async (): Promise<ProcessGroup> => {
  const group = await createProcessGroup();
  open.push(group);
  return group;
};

describe("the client port", { timeout: 120_000 }, () => {
  it("shows a new certificate once the files have changed, without a restart", async () => {
    const group = await newGroup();
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    const before = await fingerprint(clientPort);
    const other = await openAuthority(await createAuthority("other", dayMs, systemClock), systemClock);
    const leaf = await other.issue({ commonName: "new", usages: ["server"], hosts: ["127.0.0.1"], validityMs: dayMs });
    // One after the other: between the two writes they do not belong together, which must do no harm.
    await writeFile(group.tls.cert, leaf.certificate);
    await writeFile(group.tls.key, leaf.key);
    const deadline = systemClock.monotonic() + 20_000;
    let now = before;
    while (now === before && systemClock.monotonic() < deadline) {
      await systemClock.sleep(200);
      now = await fingerprint(clientPort);
    }
    expect(now).not.toBe(before);
  });

  it("knows users and signed tokens again after a kill, and forgets simple ones", async () => {
    const group = await newGroup();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const keyFile = join(group.directory, "jwt.pem");
    await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    const tokens: string[] = [];
    for (const authToken of [`jwt,sign-method=ES256,priv-key=${keyFile},ttl=5m`, "simple"]) {
      const name = authToken.split(",")[0] ?? "";
      const clientPort = await group.freePort();
      const member = { name, clientPort, more: ["--auth-token", authToken, "--bcrypt-cost", "4"] };
      const first = await group.start(member);
      const client = group.client(clientPort);
      await client.auth.userAdd({ name: "root", password: "pw" });
      await client.auth.userGrantRole({ user: "root", role: "root" });
      await client.auth.authEnable({});
      const { token } = await client.auth.authenticate({ name: "root", password: "pw" });
      await client.kv.put({ key: "k", value: "v" }, { metadata: { token } });
      await first.kill("SIGKILL");
      await group.start(member);
      const again = group.client(clientPort);
      const read = again.kv.range({ key: "k" }, { metadata: { token } });
      if (name === "jwt") expect((await read).count).toBe(1);
      // Replayed from the log, or forgotten: the log since the last checkpoint decides. A new one is always given out.
      else await read.catch((error: unknown) => expect(error).toMatchObject({ code: 16 }));
      await expect(again.kv.range({ key: "k" })).rejects.toMatchObject({ details: "etcdserver: permission denied" });
      tokens.push((await again.auth.authenticate({ name: "root", password: "pw" })).token);
    }
    expect(tokens).toEqual([
      expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      expect.stringMatching(/^[a-zA-Z]{16}\.\d+$/),
    ]);
  });

  it("asks for passwords on a member that caught up by a snapshot", async () => {
    const group = await newGroup();
    const names = ["m1", "m2", "m3"];
    const ports = await Promise.all(names.map(async () => [await group.freePort(), await group.freePort()] as const));
    const initialCluster = names.map((name, at) => `${name}=https://127.0.0.1:${ports[at]?.[1]}`).join(",");
    const metricsPort = await group.freePort();
    const start = (at: number): ReturnType<ProcessGroup["start"]> =>
      group.start({
        name: names[at] ?? "",
        clientPort: ports[at]?.[0] ?? 0,
        peerPort: ports[at]?.[1] ?? 0,
        initialCluster,
        more: [
          ...(at === 0 ? ["--listen-metrics-urls", `http://127.0.0.1:${metricsPort}`] : []),
          ...["--snapshot-count", "50", "--snapshot-catchup-entries", "10", "--bcrypt-cost", "4"],
        ],
      });
    const [, , third] = await Promise.all(names.map((_, at) => start(at)));
    await third?.kill("SIGKILL");
    const client = group.client(ports[0]?.[0] ?? 0, ports[1]?.[0] ?? 0);
    await client.auth.userAdd({ name: "root", password: "pw" });
    await client.auth.userGrantRole({ user: "root", role: "root" });
    await client.auth.authEnable({});
    const metadata = { token: (await client.auth.authenticate({ name: "root", password: "pw" })).token };
    // Far more entries than are kept for a member that lags.
    for (let each = 0; each < 200; each++) await client.kv.put({ key: `k${each}` }, { metadata });
    const { output } = await start(2);
    expect(output()).toContain('"component":"store"');
    const late = group.client(ports[2]?.[0] ?? 0);
    await expect(late.kv.range({ key: "k1" })).rejects.toMatchObject({ details: "etcdserver: permission denied" });
    const token = (await late.auth.authenticate({ name: "root", password: "pw" })).token;
    expect(await late.kv.range({ key: "k", rangeEnd: "l" }, { metadata: { token } })).toMatchObject({ count: 200 });
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const sent = [...metrics.matchAll(/^etcd_network_peer_sent_bytes_total\{To="[0-9a-f]+"\} (\d+)$/gm)];
    expect(sent.map(([, bytes]) => Number(bytes) > 0)).toEqual([true, true]);
    expect(metrics).toMatch(/^etcd_disk_backend_commit_duration_seconds_count [1-9]/m);
    const leads = metrics.includes("etcd_server_is_leader 1\n");
    const roundTrips = [
      ...metrics.matchAll(/^etcd_network_peer_round_trip_time_seconds_count\{To="[0-9a-f]+"\} [1-9]\d*$/gm),
    ];
    // Heartbeats are a leader's; this member may have been one before.
    expect(roundTrips.length).toBeGreaterThanOrEqual(leads ? 1 : 0);
    expect((await late.auth.userList({}, { metadata: { token } })).users).toEqual(["root"]);
  });

  it("serves metrics and health on ports of their own, and takes its flags from a file", async () => {
    const group = await newGroup();
    const [clientPort, metricsPort] = [await group.freePort(), await group.freePort()];
    const more = ["--listen-metrics-urls", `http://127.0.0.1:${metricsPort}`, "--metrics", "extensive"];
    await group.start({ name: "m1", clientPort, more });
    const client = group.client(clientPort);
    await client.kv.put({ key: "k" });
    await client.maintenance.hashKV({ revision: 0 });
    await client.maintenance.defragment({});
    const { id } = await client.lease.leaseGrant({ ttl: 1 });
    while ((await client.lease.leaseTimeToLive({ id })).ttl !== -1) await systemClock.sleep(100);
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain("etcd_server_has_leader 1\n");
    expect(metrics).toContain("etcd_debugging_mvcc_put_total 1\n");
    expect(metrics).toContain(
      'grpc_server_handling_seconds_count{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1\n',
    );
    expect(metrics).toContain("etcd_mvcc_hash_rev_duration_seconds_count 1\n");
    expect(metrics).toContain("etcd_disk_backend_defrag_duration_seconds_count 1\n");
    expect(metrics).toContain("etcd_debugging_server_lease_expired_total 1\n");
    expect(metrics).toMatch(/^etcd_network_client_grpc_received_bytes_total [1-9]\d+$/m);
    expect(metrics).toMatch(/^etcd_network_client_grpc_sent_bytes_total [1-9]\d+$/m);
    expect(metrics).toContain(
      'grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1\n',
    );
    expect(await (await fetch(`http://127.0.0.1:${metricsPort}/readyz?verbose`)).text()).toBe(
      "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n",
    );
    expect((await fetch(`http://127.0.0.1:${metricsPort}/v3/kv/range`, { method: "POST", body: "{}" })).status).toBe(
      404,
    );
  });

  it("ends the watch of a client that insists on a leader when the leader is lost, and no other", async () => {
    const group = await newGroup();
    const names = ["m1", "m2"];
    const ports = await Promise.all(names.map(async () => [await group.freePort(), await group.freePort()] as const));
    const initialCluster = names.map((name, at) => `${name}=https://127.0.0.1:${ports[at]?.[1]}`).join(",");
    const [first, second] = await Promise.all(
      names.map((name, at) =>
        group.start({ name, clientPort: ports[at]?.[0] ?? 0, peerPort: ports[at]?.[1] ?? 0, initialCluster }),
      ),
    );
    expect(first?.child.pid).toBeDefined();
    const client = group.client(ports[0]?.[0] ?? 0);
    // Our own client always insists; it then watches elsewhere, so that its watch never ends for its user.
    const unary = async (): Promise<unknown> =>
      client.kv.range({ key: "k", serializable: true }, { metadata: { hasleader: "true" } });
    expect(await unary()).toMatchObject({ count: 0 });
    await second?.kill("SIGKILL");
    const deadline = systemClock.monotonic() + 20_000;
    let told: unknown;
    while (told === undefined && systemClock.monotonic() < deadline) {
      told = await unary().then(
        () => undefined,
        (error: unknown) => error,
      );
      await systemClock.sleep(100);
    }
    expect(told).toMatchObject({ code: 14, details: "etcdserver: no leader" });
    expect(await client.kv.range({ key: "k", serializable: true })).toMatchObject({ count: 0 });
  });
});

/** Of the certificate that the port shows. */
function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
