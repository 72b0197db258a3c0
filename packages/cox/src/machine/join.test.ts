// A worker that joins, against an API server of this test's own: what it says about itself, what it refuses, and what it signs.
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "@coxswain/clock";
import { createAuthority, openAuthority, parseCertificateRequest } from "@coxswain/pki";
import type { Authority, KeyPair } from "@coxswain/pki";
import { pinOf } from "./certificates.ts";
import { runMachineCommand } from "./commands.ts";
import { kubeconfigText } from "./daemons.ts";
import { readRecord } from "./record.ts";

const address =
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "";
const token = { id: "abcdef", secret: "0123456789abcdef" };

let pair: KeyPair;
let authority: Authority;
let server: Server;
let endpoint = "";
let directory = "";
/** What the cluster says; a test changes it. */
let node: object | undefined;
let denied = new Set<string>();
let settings: Readonly<Record<string, string>> = {};
const requests = new Map<string, object>();

beforeAll(async () => {
  pair = await createAuthority("kubernetes-ca", 3_600_000, systemClock);
  authority = await openAuthority(pair, systemClock);
  const { certificate, key } = await authority.issue({
    commonName: "kube-apiserver",
    usages: ["server"],
    hosts: ["127.0.0.1"],
    validityMs: 3_600_000,
  });
  server = createServer({ cert: certificate, key }, (request, response) => {
    void answer(request).then((object) => {
      response.writeHead(object === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(object ?? { kind: "Status", code: 404 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "coxswain-join-"));
  writeFileSync(join(directory, "docker.sock"), "");
  node = undefined;
  denied = new Set();
  settings = {};
});
afterEach(() => rmSync(directory, { recursive: true }));

async function answer(request: IncomingMessage): Promise<object | undefined> {
  const path = request.url ?? "";
  if (path.endsWith("/cluster-info")) return { data: clusterInfo() };
  if (path.endsWith("/nodes/w1")) return node;
  if (path.endsWith("/configmaps/coxswain-config"))
    return { data: { "master.m1": "127.0.0.1", apiPort: String(new URL(endpoint).port), ...settings } };
  const name = path.split("/").at(-1) ?? "";
  if (request.method !== "POST") return requests.get(name);
  const object = JSON.parse(await text(request)) as { metadata: { name: string }; spec: { request: string } };
  const refused = [...denied].some((certificate) => object.metadata.name.startsWith(`${certificate}-`));
  requests.set(object.metadata.name, {
    ...object,
    status: refused
      ? { conditions: [{ type: "Denied", message: "not today" }] }
      : { certificate: Buffer.from(await sign(object.spec.request)).toString("base64") },
  });
  return object;
}

const sign = (request: string): Promise<string> =>
  authority.sign({
    request: parseCertificateRequest(Buffer.from(request, "base64").toString()),
    extendedUsages: ["1.3.6.1.5.5.7.3.2"],
    enciphersKeys: false,
    validityMs: 3_600_000,
  });

function clusterInfo(): Record<string, string> {
  const kubeconfig = kubeconfigText({ servers: [endpoint], authority: { data: pair.certificate } });
  const header = Buffer.from('{"alg":"HS256","kid":"abcdef"}').toString("base64url");
  const mac = createHmac("sha256", `${token.id}.${token.secret}`)
    .update(`${header}.${Buffer.from(kubeconfig).toString("base64url")}`)
    .digest("base64url");
  return { kubeconfig, "jws-kubeconfig-abcdef": `${header}..${mac}` };
}

/** `docker-compose up` of a worker: what setup said, or the sentence of its refusal. */
async function setUp(laterMs = 0): Promise<string> {
  let said = "";
  const host = {
    env: {
      COXSWAIN_DIR: join(directory, "cox"),
      COXSWAIN_ROLE: "worker",
      COXSWAIN_NAME: "w1",
      COXSWAIN_ADDRESS: address,
      COXSWAIN_DOCKER_SOCKET: join(directory, "docker.sock"),
      COXSWAIN_JOIN: endpoint,
      COXSWAIN_TOKEN: `${token.id}.${token.secret}`,
      COXSWAIN_CA_PIN: pinOf(pair.certificate),
    },
    clock: { ...systemClock, now: () => systemClock.now() + laterMs },
    random: systemRandom,
    signal: AbortSignal.timeout(20_000),
    write: (words: string) => void (said += words),
  };
  try {
    await runMachineCommand(["setup"], host);
    return said.trim();
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}
const livingNode = (where: string): object => ({
  status: {
    addresses: [{ type: "InternalIP", address: where }],
    conditions: [{ type: "Ready", status: "True" }],
  },
});

// A machine is set up by root alone.
describe.runIf(process.getuid?.() === 0 && address !== "")("a worker that joins", () => {
  it("is refused with a clock that is off, or under the name of a living machine elsewhere, and nothing is left of it", async () => {
    const refusals = {
      ahead: await setUp(10 * 60_000),
      behind: await setUp(-10 * 60_000),
      taken: ((node = livingNode("10.9.9.9")), await setUp()),
    };
    expect(refusals).toEqual({
      ahead: "refused: this machine's clock is 10 minutes ahead of the cluster's: set the time first",
      behind: "refused: this machine's clock is 10 minutes behind the cluster's: set the time first",
      taken:
        "refused: the cluster already has a living machine called w1 (at 10.9.9.9): give this one another --name (COXSWAIN_NAME)",
    });
    expect(existsSync(join(directory, "cox"))).toBe(false);
  });

  it("may come again under its own name and address", async () => {
    node = livingNode(address);
    expect(await setUp()).toContain(`w1 (${address}) is a worker of the cluster at ${endpoint}`);
  });

  it("takes over how soon the cluster acts on silence, and knows when it cannot", async () => {
    settings = { profile: "slow" };
    expect(await setUp()).toBe('refused: coxswain-config: expected the profile default or fast, found "slow"');
    settings = { profile: "fast" };
    await setUp();
    const flags = readFileSync(join(directory, "cox", "flags", "node-agent"), "utf8")
      .trim()
      .split("\n");
    expect(flags.slice(-2)).toEqual(["--node-lease-duration-seconds=8", "--fence-after=8s"]);
  });

  it("is not one until all is there, and the same command ends what was begun", async () => {
    denied.add("proxy");
    expect(await setUp()).toBe("refused: the cluster refuses this machine the certificate proxy: not today");
    expect(readRecord(join(directory, "cox"))).toBeUndefined();
    denied.clear();
    expect(await setUp()).toContain("w1");
    expect(readRecord(join(directory, "cox"))).toMatchObject({
      role: "worker",
      masters: [{ name: "m1", address: "127.0.0.1" }],
    });
    for (const name of ["node-agent", "node-serving", "proxy", "dns"])
      expect(readFileSync(join(directory, "cox", "pki", `${name}.crt`), "utf8")).toContain("BEGIN CERTIFICATE");
    expect(await setUp()).toBe("w1 is a worker; its files are up to date");
  });
});
