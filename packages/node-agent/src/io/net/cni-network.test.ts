// Debian's CNI plugins over real network namespaces, a bridge and ports of the machine of their own. Skipped, with the reason in the name, where the
// plugins (package containernetworking-plugins) or the right to make links are missing.
import { execFileSync } from "node:child_process";
import { accessSync, existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemRandom as random } from "@coxswain/clock";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createLogger } from "@coxswain/daemon";
import { createCniSandboxes } from "../../../testing/cni-sandboxes.ts";
import { createCniNetwork } from "./cni-network.ts";

const plugins = "/usr/lib/cni";
const absence = whyNoPlugins();

describe.skipIf(absence !== undefined)(`CNI plugins${absence === undefined ? "" : ` (skipped: ${absence})`}`, () => {
  const mark = random.suffix(5);
  const bridge = `cxc${mark}`;
  const subnet = `10.249.${random.int(250)}`;
  const sandboxes = createCniSandboxes();
  const clock = createSimulatedClock(0);
  let base: string;
  const agent = () =>
    createCniNetwork(
      { configDirectory: join(base, "net.d"), pluginDirectories: ["/nowhere", plugins], directory: join(base, "cni") },
      { clock, log: createLogger("test", "error"), sandboxes: () => sandboxes.running() },
    );
  /** What the plugin host-local has given away. */
  const given = (): readonly string[] =>
    existsSync(join(base, "ipam", "pods"))
      ? readdirSync(join(base, "ipam", "pods")).filter((name) => name.startsWith("10."))
      : [];
  const list = (...more: object[]): string =>
    JSON.stringify({
      // Debian's know no 1.1.0.
      ...{ cniVersion: "1.0.0", cniVersions: ["0.4.0", "1.0.0", "1.1.0"], name: "pods" },
      plugins: [
        {
          ...{ type: "bridge", bridge, isGateway: true, ipMasq: true },
          ipam: {
            type: "host-local",
            dataDir: join(base, "ipam"),
            ranges: [[{ subnet: `${subnet}.0/24` }]],
            routes: [{ dst: "0.0.0.0/0" }],
          },
        },
        ...more,
      ],
    });
  const inside = (pid: number, ...words: string[]): string =>
    execFileSync("nsenter", [`--net=/proc/${pid}/ns/net`, ...words]).toString();
  const rules = (): string => execFileSync("iptables-save", ["-t", "nat"]).toString();

  const hadChains = absence === undefined && rules().includes("CNI-");

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), "coxswain-cni-"));
    await mkdir(join(base, "net.d"));
  });
  afterAll(async () => {
    await sandboxes.stop();
    execFileSync("ip", ["link", "del", bridge]);
    // The plugin portmap leaves its own, empty ones behind, as it does everywhere.
    if (!hadChains) execFileSync("iptables-restore", ["--noflush"], { input: removalOfChains(rules()) });
    await rm(base, { recursive: true, force: true });
  });

  test("the first good file is the network; sandboxes get addresses and ports from it, and give them back", async () => {
    const network = agent();
    await network.repair();
    expect(network.missing()).toBe(`cni plugin not initialized: no networks found in ${join(base, "net.d")}`);
    await writeFile(join(base, "net.d", "05-broken.conf"), "{");
    await writeFile(
      join(base, "net.d", "10-pods.conflist"),
      list({ type: "portmap", capabilities: { portMappings: true } }),
    );
    await writeFile(join(base, "net.d", "20-other.conflist"), "{}");
    await network.repair();
    expect([network.missing(), await network.reserve()]).toEqual([undefined, undefined]);

    const port = 20_000 + random.int(9_000);
    const [one, two] = [await sandboxes.start(`one-${mark}`, port), await sandboxes.start(`two-${mark}`)];
    await Promise.all([network.attach(one), network.attach(two)]);
    const [first = "", second = ""] = [one, two].map(({ id }) => network.addressOf?.(id) ?? "");
    expect([first, second].every((address) => address.startsWith(`${subnet}.`))).toBe(true);
    expect(inside(one.pid, "ip", "-4", "-o", "addr")).toMatch(new RegExp(`lo .*127.0.0.1[^]*eth0 .*${first}/24`));
    expect(inside(one.pid, "busybox", "ping", "-c", "1", "-W", "10", `${subnet}.1`)).toContain("1 packets received");
    expect(rules()).toContain(`--dport ${port} -j DNAT --to-destination ${first}:80`);
    expect(given().toSorted()).toEqual([first, second].toSorted());

    // The agent is killed; one sandbox dies meanwhile, the other goes on.
    await sandboxes.crash(two);
    const next = agent();
    await next.repair();
    expect([given(), await next.isAttached(one.id), next.addressOf?.(one.id)]).toEqual([[first], true, first]);
    await next.detach?.(one.id);
    await next.detach?.(one.id);
    expect([given(), rules().includes(`--dport ${port} `), rules().includes(one.id)]).toEqual([[], false, false]);
    expect(inside(one.pid, "ip", "-o", "link")).not.toContain("eth0");
  });

  test("a plugin that fails or is missing says so, and nothing is left of what the others did", async () => {
    const network = agent();
    const one = await sandboxes.start(`half-${mark}`);
    await writeFile(join(base, "net.d", "01-first.conflist"), list({ type: "no-such-plugin" }));
    await network.repair();
    const absent = `failed to find plugin "no-such-plugin" in path [/nowhere ${plugins}]`;
    expect(network.missing()).toBe(`cni plugin not initialized: ${absent}`);
    await expect(network.attach(one)).rejects.toThrow(absent);
    expect(await network.isAttached(one.id)).toBe(false);
    await writeFile(join(base, "net.d", "01-first.conflist"), list({ type: "static" }));
    await network.repair();
    await expect(network.attach(one)).rejects.toThrow(/^plugin type="static" failed \(add\): \w/);
    expect([given(), readdirSync(join(base, "cni"))]).toEqual([[], []]);
    await writeFile(
      join(base, "net.d", "01-first.conflist"),
      list().replace(/"cniVersion.*?\],/, `"cniVersion":"1.1.0",`),
    );
    await network.repair();
    expect(network.missing()).toBe(
      "cni plugin not initialized: plugin bridge does not support config version 1.1.0, but 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0",
    );
    await rm(join(base, "net.d", "01-first.conflist"));
  });

  test("a network that somebody takes from a sandbox is found out; before and after, an agent's restart changes nothing", async () => {
    const network = agent();
    const [one, two] = [await sandboxes.start(`lost-${mark}`), await sandboxes.start(`kept-${mark}`)];
    await network.repair();
    await Promise.all([network.attach(one), network.attach(two)]);
    await network.repair();
    const next = agent();
    await next.repair();
    expect(await Promise.all([one, two].map(({ id }) => next.isAttached(id)))).toEqual([true, true]);
    inside(one.pid, "ip", "link", "delete", "eth0");
    await next.repair();
    expect(await next.isAttached(one.id)).toBe(true);
    await clock.advance(300_000);
    await next.repair();
    expect(await next.isAttached(one.id)).toBe(true);
    await next.repair();
    expect(await Promise.all([one, two].map(({ id }) => next.isAttached(id)))).toEqual([false, true]);
    for (const { id } of [one, two]) await next.detach?.(id);
    expect(given()).toEqual([]);
  });
});

/** Of the jumps to CNI's chains first, then of the chains. */
function removalOfChains(saved: string): string {
  const lines = saved.split("\n");
  const jumps = lines.filter((line) => /^-A (?!CNI-).*CNI-/.test(line)).map((line) => line.replace("-A", "-D"));
  const chains = lines.flatMap((line) => /^:(CNI-\S+)/.exec(line)?.[1] ?? []);
  return [
    "*nat",
    ...jumps,
    ...chains.map((name) => `-F ${name}`),
    ...chains.map((name) => `-X ${name}`),
    "COMMIT",
    "",
  ].join("\n");
}

function whyNoPlugins(): string | undefined {
  try {
    for (const name of ["bridge", "host-local", "portmap"]) accessSync(join(plugins, name));
    execFileSync("ip", ["link", "add", "cxcprobe0", "type", "bridge"], { stdio: "ignore" });
    execFileSync("ip", ["link", "del", "cxcprobe0"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0] ?? "";
  }
}
