// The vocabulary against the real tool, in a network namespace of its own, where there is one: what we render is what
// it prints back. Without root or the tool only the rendering itself is tested.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { comment, createTool, jump, renderRule, renderRuleset } from "./index.ts";
import type { Rule, Ruleset } from "./index.ts";

const cases: readonly (readonly [table: "nat" | "filter" | "raw", rule: Rule, text: string])[] = [
  ["filter", { source: "10.0.0.1", destination: { not: "10.0.0.0/8" } }, "-s 10.0.0.1/32 ! -d 10.0.0.0/8"],
  [
    "filter",
    { inInterface: "cox+", outInterface: { not: "cox0" }, target: { kind: "accept" } },
    "-i cox+ ! -o cox0 -j ACCEPT",
  ],
  ["filter", { matches: [comment("plain")] }, "-m comment --comment plain"],
  ["filter", { matches: [comment(`say "hi" it's`)] }, `-m comment --comment "say \\"hi\\" it\\'s"`],
  [
    "filter",
    { protocol: "tcp", matches: [{ kind: "destinationPort", port: 80 }], target: { kind: "drop" } },
    "-p tcp -m tcp --dport 80 -j DROP",
  ],
  [
    "filter",
    { protocol: "udp", matches: [{ kind: "destinationPort", port: [1, 9] }], target: { kind: "return" } },
    "-p udp -m udp --dport 1:9 -j RETURN",
  ],
  [
    "filter",
    { matches: [{ kind: "connection", states: ["ESTABLISHED", "RELATED"] }], target: { kind: "accept" } },
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  ],
  ["filter", { matches: [{ kind: "connection", states: ["INVALID"], not: true }] }, "-m conntrack ! --ctstate INVALID"],
  [
    "filter",
    { matches: [{ kind: "mark", value: 0x4000, mask: 0x4000 }], target: { kind: "accept" } },
    "-m mark --mark 0x4000/0x4000 -j ACCEPT",
  ],
  ["filter", { matches: [{ kind: "mark", value: 0x4000, mask: 0x4000, not: true }] }, "-m mark ! --mark 0x4000/0x4000"],
  ["filter", { matches: [{ kind: "sourceType", type: "LOCAL" }] }, "-m addrtype --src-type LOCAL"],
  ["filter", { matches: [{ kind: "destinationType", type: "LOCAL", not: true }] }, "-m addrtype ! --dst-type LOCAL"],
  [
    "filter",
    { matches: [{ kind: "probability", probability: 1 / 3 }] },
    "-m statistic --mode random --probability 0.33333333349",
  ],
  [
    "filter",
    { matches: [{ kind: "remember", list: "A" }] },
    "-m recent --set --name A --mask 255.255.255.255 --rsource",
  ],
  [
    "filter",
    { matches: [{ kind: "remembered", list: "A", seconds: 10800 }] },
    "-m recent --rcheck --seconds 10800 --reap --name A --mask 255.255.255.255 --rsource",
  ],
  ["filter", { target: { kind: "reject" } }, "-j REJECT --reject-with icmp-port-unreachable"],
  [
    "nat",
    { protocol: "tcp", target: { kind: "destinationNat", to: "10.0.0.1:80" } },
    "-p tcp -j DNAT --to-destination 10.0.0.1:80",
  ],
  ["nat", { protocol: "tcp", target: { kind: "redirect", port: 40001 } }, "-p tcp -j REDIRECT --to-ports 40001"],
  ["nat", { protocol: "sctp", matches: [{ kind: "destinationPort", port: 5 }] }, "-p sctp -m sctp --dport 5"],
  ["nat", { target: { kind: "setMark", value: 0x4000, mask: 0x4000 } }, "-j MARK --set-xmark 0x4000/0x4000"],
  ["nat", { target: { kind: "setMark", value: 0x4000, mask: 0 } }, "-j MARK --set-xmark 0x4000/0x0"],
  ["nat", { target: jump("COX-B") }, "-j COX-B"],
  ["raw", { protocol: "udp", target: { kind: "notrack" } }, "-p udp -j CT --notrack"],
];

const namespaced = spawnSync("unshare", ["-n", "iptables-save"]).status === 0;

describe("renderRule", () => {
  it.each(cases)("renderRule in %s writes %j", (_table, rule, text) => {
    expect(renderRule(rule, "ipv4")).toBe(text);
  });

  it("renderRule refuses a port without a protocol", () => {
    expect(() => renderRule({ matches: [{ kind: "destinationPort", port: 80 }] }, "ipv4")).toThrow("found no protocol");
  });

  it("renderRule cuts a comment at the kernel's limit", () => {
    expect(renderRule({ matches: [comment("ä".repeat(200))] }, "ipv4")).toBe(
      `-m comment --comment "${"ä".repeat(127)}"`,
    );
  });

  it.skipIf(!namespaced)("renderRuleset writes what the real tool prints back", async () => {
    const ruleset: Ruleset = {
      family: "ipv4",
      tables: (["raw", "nat", "filter"] as const).map((name) => ({
        name,
        hooks: [{ hook: "OUTPUT", rule: { matches: [comment("in we go")], target: jump("COX-A") } }],
        chains: [
          { name: "COX-A", rules: cases.filter(([table]) => table === name).map(([, rule]) => rule) },
          { name: "COX-B", rules: [] },
          {
            name: "COX-C",
            rules: name === "nat" ? [{ target: { kind: "masquerade", randomFully: true } }] : [],
          },
        ],
      })),
    };
    const masquerading = renderRuleset(ruleset);
    const script = "iptables-restore --noflush -w 5 && iptables-save";
    const shown = spawnSync("unshare", ["-n", "sh", "-c", script], { input: masquerading, encoding: "utf8" });
    expect(shown.stderr).toBe("");
    const ours = (text: string): string[] =>
      text
        .split("\n")
        .filter((line) => line.startsWith("-A "))
        .sort();
    expect(ours(shown.stdout)).toEqual(ours(masquerading));
  });

  it.skipIf(!namespaced)("the tool's refusal quotes the line it means", async () => {
    const tool = createTool({ family: "ipv4", waitSeconds: 5, prefix: ["unshare", "-n"] });
    await expect(
      tool.restore("*nat\n:COX-A - [0:0]\n-A COX-A -p tcp -j DNAT --to-destination nowhere\nCOMMIT\n"),
    ).rejects.toThrow("(-A COX-A -p tcp -j DNAT --to-destination nowhere)");
  });
});
