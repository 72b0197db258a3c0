import { describe, expect, it } from "vitest";
import { parseFlags } from "@coxswain/daemon";
import { flags, readConfig } from "./config.ts";

const always = ["--kubeconfig=k", "--tls-cert-file=c", "--tls-private-key-file=p", "--hostname-override=Here"];
const read = (...words: readonly string[]) => readConfig(parseFlags(flags, [...always, ...words], new Map()));

describe("the proxy's flags", () => {
  it("are iptables on all addresses, if nothing is said", () => {
    expect(read()).toMatchObject({
      mode: "run",
      proxyMode: "iptables",
      nodeName: "here",
      clusterCidrs: [],
      nodePortAddresses: [],
      nodePortsOnPrimary: false,
      masqueradeMark: 0x4000,
    });
  });

  it("take one range of pods per family, in the spelling of the kernel's tools", () => {
    expect(read("--cluster-cidr=10.244.3.7/16,FD00:0::1/64")).toMatchObject({
      clusterCidrs: ["10.244.0.0/16", "fd00::/64"],
    });
  });

  it("lead node ports to some addresses only", () => {
    expect(read("--nodeport-addresses=192.168.1.9/24")).toMatchObject({ nodePortAddresses: ["192.168.1.0/24"] });
    expect(read("--nodeport-addresses=primary")).toMatchObject({ nodePortsOnPrimary: true, nodePortAddresses: [] });
  });

  it("of ipvs mode are round robin and the periods of all modes, if nothing else is said", () => {
    expect(read("--proxy-mode=ipvs")).toMatchObject({
      proxyMode: "ipvs",
      ipvs: { scheduler: "rr", strictArp: false },
      sync: { minIntervalMs: 100, checkIntervalMs: 5_000 },
    });
    const own = ["--ipvs-sync-period=30s", "--ipvs-min-sync-period=1s"];
    expect(read("--proxy-mode=ipvs", "--ipvs-scheduler=lc", "--ipvs-strict-arp", ...own)).toMatchObject({
      ipvs: { scheduler: "lc", strictArp: true },
      sync: { minIntervalMs: 1_000, checkIntervalMs: 30_000 },
    });
    expect(read(...own)).toMatchObject({ sync: { minIntervalMs: 100, checkIntervalMs: 5_000 } });
    expect(() => read("--proxy-mode=ipvs", "--ipvs-sync-period=10ms")).toThrow(
      "--iptables-min-sync-period: expected 0 to --ipvs-sync-period",
    );
  });

  it("serve health plainly where there is no certificate, as in a pod, and refuse half of one", () => {
    const given = (...words: readonly string[]) =>
      readConfig(parseFlags(flags, ["--kubeconfig=k", ...words], new Map()));
    expect(given()).toMatchObject({ server: { host: "0.0.0.0", port: 10256 } });
    expect(given()).not.toHaveProperty("server.certFile");
    expect(() => given("--tls-cert-file=c")).toThrow("--tls-cert-file and --tls-private-key-file are given together");
  });

  it.each([
    ["--proxy-mode=magic", 'expected iptables, nftables, ipvs, userspace, found "magic"'],
    ["--ipvs-scheduler=best", 'expected rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, mh, found "best"'],
    ["--cluster-cidr=10.244.0.0/33", "--cluster-cidr: expected an address range"],
    ["--cluster-cidr=10.0.0.0/8,11.0.0.0/8", "expected one range per family"],
    ["--nodeport-addresses=everywhere", "--nodeport-addresses: expected an address range"],
    ["--iptables-masquerade-bit=32", "expected 0 to 31, found 32"],
    ["--iptables-sync-period=0s", "expected more than 0"],
  ])("refuse %s", (word, reason) => {
    expect(() => read(word)).toThrow(reason);
  });
});
