import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock, systemRandom } from "@coxswain/clock";
import { listCertificates } from "./certificates.ts";
import { runMachineCommand } from "./commands.ts";
import { readInvitation, sharedSecret, unseal } from "./invitation.ts";
import type { Invitation } from "./invitation.ts";
import { readRecord } from "./record.ts";

let directory = "";
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "coxswain-machine-"))));
afterEach(() => rmSync(directory, { recursive: true }));

const address =
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "";

/** What was said, or the sentence of the refusal. */
async function cox(
  args: readonly string[],
  env: Record<string, string> = {},
  laterMs = 0,
  signal = AbortSignal.timeout(20_000),
): Promise<string> {
  let said = "";
  const socket = join(directory, "docker.sock");
  if (!existsSync(socket)) writeFileSync(socket, "");
  const host = {
    env: {
      COXSWAIN_DIR: join(directory, "cox"),
      COXSWAIN_NAME: "m1",
      COXSWAIN_ADDRESS: address,
      COXSWAIN_DOCKER_SOCKET: socket,
      ...env,
    },
    clock: { ...systemClock, now: () => systemClock.now() + laterMs },
    random: systemRandom,
    signal,
    write: (text: string) => void (said += text),
  };
  try {
    await runMachineCommand(args, host);
    return said;
  } catch (error) {
    return `refused: ${(error as Error).message}`.replaceAll(directory, "DIR").replaceAll(address, "ADDRESS");
  }
}

// A machine is set up by root alone.
describe.runIf(process.getuid?.() === 0 && address !== "")("a machine", () => {
  it("that begins a cluster has its certificates, flags and kubeconfigs, and says how others join", async () => {
    const said = await cox(["init"]);
    expect(said).toContain(`cox join https://${address}:6443 --token `);
    const at = (...parts: string[]): string => join(directory, "cox", ...parts);
    expect(readRecord(at())).toMatchObject({
      role: "master",
      name: "m1",
      tainted: true,
      masters: [{ name: "m1", address }],
      store: { kind: "member", state: "new", members: [{ name: "m1", address }] },
    });
    for (const daemon of ["store", "apiserver", "scheduler", "controller-manager", "node-agent", "proxy", "dns"])
      for (const [, file = ""] of readFileSync(at("flags", daemon), "utf8").matchAll(/=(\S+\.(?:crt|key|pub|conf))$/gm))
        if (!file.includes("resolv")) expect(`${file}: ${existsSync(file)}`).toBe(`${file}: true`);
  });

  it("leaves the flags of daemons away that the cluster brings as pods, until it is told otherwise", async () => {
    const flags = () => readdirSync(join(directory, "cox", "flags")).filter((name) => !name.includes("store"));
    const others = ["apiserver", "controller-manager", "node-agent", "scheduler"];
    expect(await cox(["init", "--without", "kubelet"])).toBe(
      'refused: --without: expected proxy, dns, found "kubelet"',
    );
    await cox(["init"], { COXSWAIN_WITHOUT: "dns,proxy" });
    expect(flags().sort()).toEqual(others);
    await cox(["setup"], { COXSWAIN_WITHOUT: "dns" });
    expect(flags().sort()).toEqual([...others, "proxy"].sort());
    await cox(["setup"]);
    expect(flags().sort()).toEqual([...others, "dns", "proxy"].sort());
  });

  it("leaves the control plane to its node agent as static pods, and takes it back", async () => {
    const at = (...parts: string[]): string => join(directory, "cox", ...parts);
    const controlPlane = ["apiserver", "controller-manager", "scheduler", "store"];
    const manifests = () => readdirSync(at("manifests")).sort();
    const flags = () => readdirSync(at("flags")).sort();
    await cox(["init", "--static-pods", "--image", "registry.example/coxswain:1"]);
    expect(manifests()).toEqual(controlPlane.map((name) => `${name}.json`));
    expect(flags()).toEqual(["dns", "node-agent", "proxy"]);
    expect(readFileSync(at("flags", "node-agent"), "utf8")).toContain(`--pod-manifest-path=${at("manifests")}\n`);
    const { metadata, spec } = JSON.parse(readFileSync(at("manifests", "store.json"), "utf8")) as {
      metadata: object;
      spec: { containers: { image: string; command: string[]; livenessProbe: object }[]; hostNetwork: boolean };
    };
    expect(metadata).toEqual({
      name: "store",
      namespace: "kube-system",
      labels: { component: "store", tier: "control-plane" },
    });
    expect(spec.hostNetwork).toBe(true);
    expect(spec.containers[0]?.image).toBe("registry.example/coxswain:1");
    expect(spec.containers[0]?.command).toContain(`--data-dir=${at("store")}`);
    expect(spec.containers[0]?.livenessProbe).toMatchObject({ httpGet: { path: "/livez", port: 2381 } });

    await cox(["setup"]);
    expect(manifests()).toEqual([]);
    expect(flags()).toEqual([...controlPlane, "dns", "node-agent", "proxy"].sort());
    await cox(["setup"], { COXSWAIN_STATIC_PODS: "yes" });
    expect(manifests()).toEqual(controlPlane.map((name) => `${name}.json`));
    expect(flags()).toEqual(["dns", "node-agent", "proxy"]);
  });

  it("hands a store's client certificate on to further masters where the store's authority is elsewhere", async () => {
    const given = ["ca", "cert", "key"].map((name) => join(directory, `given-${name}`));
    for (const file of given) writeFileSync(file, `${file} of the store`);
    const flags = given.map((file) => `--etcd-${file.split("-").at(-1)}file=${file}`);
    await cox(["init", "--etcd-servers", "https://127.0.0.1:2379", ...flags]);
    const at = join(directory, "cox");
    const invitation = readInvitation(at, systemClock.now());
    const { data } = sharedSecret(at, invitation as Invitation, systemRandom) as { data: Record<string, string> };
    expect(Object.keys(data).sort()).toEqual([
      ...["apiserver-etcd-client.crt", "apiserver-etcd-client.key", "etcd-ca.crt", "front-proxy-ca.crt"],
      ...["front-proxy-ca.key", "kubernetes-ca.crt", "kubernetes-ca.key", "sa.key", "sa.pub"],
    ]);
    const sealed = Buffer.from(data["apiserver-etcd-client.key"] ?? "", "base64");
    expect(unseal(sealed, invitation?.certificateKey ?? "").toString()).toBe(`${given[2]} of the store`);
  });

  it("refuses a second beginning, and takes the first up again when asked to set up", async () => {
    await cox(["init"]);
    expect(await cox(["init"])).toBe(
      "refused: this machine is already the master m1 of a cluster (DIR/cox/machine.json); `cox reset` makes it leave",
    );
    expect(await cox(["setup"])).toContain("m1 is a master; its files are up to date");
  });

  it("finishes what was interrupted: the same command works, the authority stays", async () => {
    await cox(["init"]);
    const authority = readFileSync(join(directory, "cox", "pki", "kubernetes-ca.crt"), "utf8");
    rmSync(join(directory, "cox", "machine.json"));
    rmSync(join(directory, "cox", "pki", "apiserver.key"));
    expect(await cox(["init"])).toContain("is the first master");
    expect(readFileSync(join(directory, "cox", "pki", "kubernetes-ca.crt"), "utf8")).toBe(authority);
  });

  it("refuses bad input in one sentence and leaves nothing", async () => {
    const refusals = {
      address: await cox(["init"], { COXSWAIN_ADDRESS: "203.0.113.9" }),
      name: await cox(["init"], { COXSWAIN_NAME: "no name" }),
      engine: await cox(["init"], { COXSWAIN_DOCKER_SOCKET: join(directory, "nothing.sock") }),
      flag: await cox(["init", "--sinlge"]),
      worker: await cox(["setup"], { COXSWAIN_ROLE: "worker" }),
      role: await cox(["setup"], { COXSWAIN_ROLE: "boss" }),
      half: await cox(["setup"], { COXSWAIN_TOKEN: "abcdef.0123456789abcdef" }),
      token: await cox(["join", "https://127.0.0.1:1", "--token", "x", "--ca-pin", "y"]),
      pin: await cox(["join", "https://127.0.0.1:1", "--token", "abcdef.0123456789abcdef", "--ca-pin", "y"]),
      missing: await cox(["join", "https://127.0.0.1:1"]),
      reset: await cox(["reset"]),
      invite: await cox(["invite"]),
    };
    expect(refusals).toEqual({
      address: expect.stringMatching(/^refused: 203.0.113.9 is not an address of this machine; it has /),
      name: `refused: the machine's name must be of letters, digits, "-" and ".", found "no name"`,
      engine: "refused: no Docker Engine: DIR/nothing.sock is not there (--docker-socket names another)",
      flag: "refused: Unknown option '--sinlge'",
      worker: "refused: a worker joins a cluster: set COXSWAIN_JOIN, COXSWAIN_TOKEN and COXSWAIN_CA_PIN in .env",
      role: `refused: COXSWAIN_ROLE must be master, worker or store, found "boss"`,
      half: "refused: COXSWAIN_TOKEN is set, but COXSWAIN_JOIN is not: give the line COXSWAIN_JOIN=https://MASTER:6443, too, or take all of them out to begin a new cluster",
      token: `refused: the token must look like abcdef.0123456789abcdef, found "x"`,
      pin: `refused: the CA pin must look like sha256: and 64 hexadecimal digits, found "y"`,
      missing: "refused: --token (COXSWAIN_TOKEN) is missing: `cox invite` on a master shows it",
      reset: expect.stringMatching(/^refused: reset removes this machine's part of the cluster from DIR\/cox/),
      invite: "refused: this machine is of no cluster yet (DIR/cox/machine.json is not there)",
    });
    expect(existsSync(join(directory, "cox"))).toBe(false);
  });

  it("refuses to be set up by anybody but root", async () => {
    const uid = vi.spyOn(process, "getuid").mockReturnValue(1000);
    try {
      const sentence =
        "refused: setting up a machine needs root: it writes keys and manages containers, routes and rules";
      expect([await cox(["init"]), await cox(["setup"])]).toEqual([sentence, sentence]);
    } finally {
      uid.mockRestore();
    }
    expect(existsSync(join(directory, "cox"))).toBe(false);
  });

  it("refuses the data of another cluster", async () => {
    mkdirSync(join(directory, "cox", "store", "member"), { recursive: true });
    expect(await cox(["init"])).toBe(
      "refused: DIR/cox/store holds the data of an earlier cluster: `cox reset` removes it",
    );
  });

  it("that was off for a year has good certificates again when it is set up", async () => {
    await cox(["init"]);
    const yearMs = 400 * 86_400_000;
    const leaves = () =>
      listCertificates(join(directory, "cox"), systemClock.now() + yearMs).filter((each) => !each.isAuthority);
    expect(leaves().every(({ daysLeft }) => daysLeft < 0)).toBe(true);
    expect(await cox(["setup"], {}, yearMs)).toContain("renewed certificates: ");
    expect(leaves().every(({ daysLeft }) => daysLeft >= 364)).toBe(true);
    expect(await cox(["setup"], {}, yearMs)).not.toContain("renewed");
  });

  it("renews all its certificates when told to, none when none is due", async () => {
    await cox(["init"]);
    const before = listCertificates(join(directory, "cox"), 0);
    utimesSync(join(directory, "cox", "pki", "apiserver.crt"), 1, 1);
    expect(await cox(["setup"])).not.toContain("renewed");
    expect(await cox(["certs", "renew"])).toMatch(/^renewed etcd-server|^renewed apiserver/);
    expect(listCertificates(join(directory, "cox"), 0).map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  });

  it("does not begin to leave when the store would be without a majority meanwhile", async () => {
    await cox(["init"]);
    const file = join(directory, "cox", "machine.json");
    const record = JSON.parse(readFileSync(file, "utf8")) as { masters: object[]; store: { members: object[] } };
    const other = { name: "m2", address: "127.0.0.1" };
    record.masters.push(other);
    record.store.members.push(other);
    writeFileSync(file, JSON.stringify(record));
    expect(await cox(["leave"])).toBe(
      "refused: the store has no majority without this machine's member: with two masters let it run while the machine leaves (`docker-compose start store`), otherwise bring the other masters back first",
    );
    expect(existsSync(file)).toBe(true);
  });

  it("complains of certificates that end within thirty days, when it cannot renew them", async () => {
    await cox(["init", "--stores", `m1=${address}`]);
    rmSync(join(directory, "cox", "pki", "etcd-ca.key"));
    const soonMs = 345 * 86_400_000;
    const enough = new AbortController();
    const keeping = cox(["keep"], {}, soonMs, enough.signal);
    await expect
      .poll(() => existsSync(join(directory, "cox", "keeper-health")), { timeout: 20_000, interval: 20 })
      .toBe(true);
    enough.abort();
    await keeping;
    const lines = (await cox(["health"], {}, soonMs)).trim().split("\n");
    expect(lines.map((line) => line.replace(/\d+/, "N"))).toEqual(
      ["apiserver-etcd-client", "etcd-peer", "etcd-server"].map((name) => `certificate ${name} ends in N days`),
    );
  });
});
