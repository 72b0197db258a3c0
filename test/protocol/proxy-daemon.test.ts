// The proxy as a process, before a real API, in each of the kernel's modes: what a user of one relies on over its restarts, its death and a change of
// mode. IPVS where the kernel has it (`npm run vm` brings one).
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHosts, nodeAddress } from "@coxswain/proxy/testing";
import { patienceMs, services, startProxyWorld } from "./proxy-world.ts";
import type { ProxyWorld } from "./proxy-world.ts";

const machines = createHosts("cox-pd-", [["nft", "list", "tables"], ["iptables-save"]]);
const [enter = "", ...node] = machines?.inside("node") ?? [];
const hasIpvs = machines !== undefined && spawnSync(enter, [...node, "ipvsadm", "-Ln"]).status === 0;
const modes = ["iptables", ...(hasIpvs ? ["ipvs"] : []), "nftables"];

let world: ProxyWorld | undefined;
beforeAll(async () => {
  if (machines) world = await startProxyWorld(machines);
}, patienceMs);
afterAll(() => world?.[Symbol.asyncDispose](), patienceMs);
const there = (): ProxyWorld => {
  if (!world) throw new Error("there is no world");
  return world;
};
/** Who answers a pod at the service's address, and a stranger at the node's port. */
const answers = (): readonly string[] =>
  [
    there().hosts.ask("pod", services.names.address, 80, 30),
    there().hosts.ask("stranger", nodeAddress, services.names.nodePort, 30),
  ].map((answer) => answer.split(" ")[0] ?? "");

/** What each mode leaves in the kernel; a stranger's part is not among it. */
function traces(): Readonly<Record<string, boolean>> {
  const { onNode } = there();
  const nft = onNode("nft", "list", "tables");
  return {
    iptables: /KUBE-/.test(onNode("iptables-save") + onNode("ip6tables-save")),
    nftables: /coxswain-proxy$/m.test(nft),
    ipvs:
      nft.includes("coxswain-proxy-ipvs") ||
      onNode("ip", "link", "show").includes("kube-ipvs0") ||
      (hasIpvs && onNode("ipvsadm", "-Ln").includes(services.names.address)),
  };
}
const only = (...present: readonly string[]) =>
  Object.fromEntries(["iptables", "nftables", "ipvs"].map((mode) => [mode, present.includes(mode)]));

describe.runIf(machines).each(modes)("a proxy by %s", { timeout: 4 * patienceMs }, (mode) => {
  afterAll(() => there().end("SIGTERM"), patienceMs);

  it("loses no request of a rolling update, also when it is killed and comes back meanwhile", async () => {
    const { lead, inForce, serve, load, plane, end, start } = there();
    let old = await serve("one", "v0");
    const revision = await lead("web", "one");
    start(mode);
    await inForce(revision);
    const stopFile = join(plane.dir, `stop-${mode}`);
    const loads = [
      load("pod", `http://${services.web.address}/`, 40, stopFile),
      load("stranger", `http://${nodeAddress}:${services.web.nodePort}/`, 20, stopFile),
    ];
    const answered = (version: string) => Promise.all(loads.map((load) => load.answeredBy(version)));
    const update = async (to: "one" | "two", version: string): Promise<void> => {
      const next = await serve(to, version);
      await lead("web", "one", "two");
      await inForce(await lead("web", to));
      const gone = new Promise((resolve) => old.once("exit", resolve));
      old.kill("SIGTERM");
      await gone;
      old = next;
      await answered(version);
    };
    await answered("v0");
    await update("two", "v1");
    await end("SIGKILL");
    // Its rules are in force without it.
    start(mode);
    await update("one", "v2");
    await update("two", "v3");
    writeFileSync(stopFile, "");
    for (const { tally } of loads) expect((await tally).failures).toEqual({});
    old.kill("SIGKILL");
  });

  it("leads those who ask by UDP without a pause to the endpoints of the moment, also after a moment without any", async () => {
    const { lead, inForce, hosts } = there();
    await lead("names", "one");
    await inForce(await lead("names"));
    // They begin while nobody answers: their flows lead past the service.
    const clients = await Promise.all([
      hosts.run("pod", udpClient, services.names.address, "80"),
      hosts.run("stranger", udpClient, nodeAddress, String(services.names.nodePort)),
    ]);
    const heard = clients.map((client) => {
      const told = { last: "" };
      client.stdout?.on("data", (text) => (told.last = String(text).trimEnd().split("\n").at(-1) ?? ""));
      return told;
    });
    const lasts = () => heard.map(({ last }) => last.split(" ")[0]);
    for (const to of ["one", "two", "one"] as const) {
      await lead("names", to);
      await expect.poll(lasts, { timeout: patienceMs }).toEqual([to, to]);
    }
    await inForce(await lead("names"));
    await lead("names", "two");
    await expect.poll(lasts, { timeout: patienceMs }).toEqual(["two", "two"]);
    for (const client of clients) client.kill("SIGKILL");
  });

  it("finds after its death what strangers have broken and what has changed meanwhile", async () => {
    const { lead, inForce, end, start, onNode } = there();
    // Who waits is told at once of endpoints that leave.
    await inForce(await lead("names", "one"));
    expect(answers()).toEqual(["one", "one"]);
    await end("SIGKILL");
    expect(answers()).toEqual(["one", "one"]);
    onNode("nft", "flush", "ruleset");
    if (mode === "ipvs") {
      onNode("ipvsadm", "-C");
      onNode("ip", "link", "delete", "kube-ipvs0");
    }
    const revision = await lead("names", "two");
    start(mode);
    await inForce(revision);
    expect(answers()).toEqual(["two", "two"]);
  });
});

describe.runIf(machines)("a change of mode", { timeout: 4 * patienceMs }, () => {
  it("leaves nothing of the one before, nor does the end of them; strangers' rules stay", async () => {
    const { lead, inForce, end, start, onNode, cleanUp } = there();
    onNode("iptables", "-t", "nat", "-N", "STRANGER");
    onNode("nft", "add", "table", "ip", "stranger");
    if (hasIpvs) onNode("ipvsadm", "-A", "-t", "192.0.2.1:80", "-s", "wlc");
    for (const mode of [...modes, "userspace", "iptables"]) {
      start(mode);
      await inForce(await lead("names", "one"));
      expect([mode, traces()]).toEqual([mode, only(mode === "userspace" ? "iptables" : mode)]);
      expect([mode, ...answers()]).toEqual([mode, "one", "one"]);
      await end("SIGTERM");
    }
    if (hasIpvs) {
      start("ipvs");
      await inForce(await lead("names", "two"));
      await end("SIGTERM");
    }
    expect([await cleanUp(), traces()]).toEqual([0, only()]);
    expect(onNode("iptables-save", "-t", "nat")).toContain(":STRANGER ");
    expect(onNode("nft", "list", "tables")).toContain("table ip stranger");
    if (hasIpvs) expect(onNode("ipvsadm", "-Ln")).toMatch(/^TCP +192\.0\.2\.1:80 wlc$/m);
  });
});

/** Asks twenty times a second from one port, which the kernel takes for one flow. */
const udpClient = `
  const socket = require("node:dgram").createSocket("udp4"), [address, port] = process.argv.slice(1);
  socket.on("message", (text) => console.log(String(text)));
  socket.bind(0, () => { setInterval(() => socket.send("hello", Number(port), address), 50); console.log("asks"); });`;
