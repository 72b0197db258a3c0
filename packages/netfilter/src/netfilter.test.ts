import { describe, expect, it } from "vitest";
import { createMemoryTool } from "../testing/index.ts";
import { createNetfilter, comment, jump } from "./index.ts";
import type { Ruleset } from "./index.ts";

const owned = (chain: string): boolean => chain.startsWith("COX-");

function ruleset(backend: string): Ruleset {
  return {
    family: "ipv4",
    tables: [
      {
        name: "nat",
        chains: [
          {
            name: "COX-ENTRY",
            rules: [{ destination: "10.0.0.1", protocol: "tcp", matches: [comment("web")], target: jump("COX-WEB") }],
          },
          { name: "COX-WEB", rules: [{ protocol: "tcp", target: { kind: "destinationNat", to: backend } }] },
        ],
        hooks: [{ hook: "PREROUTING", rule: { matches: [comment("our entry")], target: jump("COX-ENTRY") } }],
      },
    ],
  };
}

function setUp(): { tool: ReturnType<typeof createMemoryTool>; netfilter: ReturnType<typeof createNetfilter> } {
  const tool = createMemoryTool();
  return { tool, netfilter: createNetfilter({ owned, tables: ["nat", "filter"] }, { tool }) };
}

describe("netfilter", () => {
  it("netfilter writes a whole ruleset where there is nothing, and then nothing more", async () => {
    const { tool, netfilter } = setUp();
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual([
      "nat COX-ENTRY is missing",
      "nat COX-WEB is missing",
      "nat hooks differ",
    ]);
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual([]);
    expect(tool.restored).toEqual([
      `*nat
:COX-ENTRY - [0:0]
:COX-WEB - [0:0]
-A COX-ENTRY -d 10.0.0.1/32 -p tcp -m comment --comment web -j COX-WEB
-A COX-WEB -p tcp -j DNAT --to-destination 10.0.0.2:80
-I PREROUTING 1 -m comment --comment "our entry" -j COX-ENTRY
COMMIT
`,
    ]);
  });

  it("netfilter writes only the chain that differs", async () => {
    const { tool, netfilter } = setUp();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    expect(await netfilter.sync(ruleset("10.0.0.3:80"))).toEqual(["nat COX-WEB differs"]);
    expect(tool.restored.at(-1)).toBe(
      "*nat\n:COX-WEB - [0:0]\n-A COX-WEB -p tcp -j DNAT --to-destination 10.0.0.3:80\nCOMMIT\n",
    );
  });

  it("netfilter repairs a stranger's flush and leaves the stranger's rules alone", async () => {
    const { tool, netfilter } = setUp();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    const whole = tool.text();
    tool.flush("nat");
    await tool.restore("*nat\n:THEIRS - [0:0]\n-A THEIRS -j COX-WEB\n-A PREROUTING -j THEIRS\nCOMMIT\n");
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual([
      "nat COX-ENTRY differs",
      "nat COX-WEB differs",
      "nat hooks differ",
    ]);
    expect(tool.text()).toBe(
      whole
        .replace("-j COX-ENTRY\n", "-j COX-ENTRY\n-A PREROUTING -j THEIRS\n")
        .replace(":COX-WEB - [0:0]\n", ":COX-WEB - [0:0]\n:THEIRS - [0:0]\n")
        .replace("COMMIT\n*filter", "-A THEIRS -j COX-WEB\nCOMMIT\n*filter"),
    );
  });

  it("netfilter leaves its hooks where they are when strangers put theirs before them", async () => {
    const { tool, netfilter } = setUp();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    await tool.restore("*nat\n-I PREROUTING 1 -j RETURN\nCOMMIT\n");
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual([]);
  });

  it("netfilter puts its hooks before those of the chains that it must come before", async () => {
    const tool = createMemoryTool();
    const netfilter = createNetfilter({ owned, before: (chain) => chain === "LATER", tables: ["nat"] }, { tool });
    await netfilter.sync(ruleset("10.0.0.2:80"));
    const whole = tool.text();
    await tool.restore("*nat\n:LATER - [0:0]\n-I PREROUTING 1 -j LATER\nCOMMIT\n");
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual(["nat hooks differ"]);
    expect(tool.text()).toBe(
      whole
        .replace("-j COX-ENTRY\n", "-j COX-ENTRY\n-A PREROUTING -j LATER\n")
        .replace(":COX-WEB - [0:0]\n", ":COX-WEB - [0:0]\n:LATER - [0:0]\n"),
    );
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual([]);
  });

  it("netfilter sees a stranger's flush at a glance, and trusts what it wrote where it may", async () => {
    const { tool, netfilter } = setUp();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    const whole = tool.text();
    expect(await netfilter.sync(ruleset("10.0.0.2:80"), undefined, "glance")).toEqual([]);
    tool.flush("nat");
    expect(await netfilter.sync(ruleset("10.0.0.2:80"), undefined, "trust")).toEqual([]);
    expect(await netfilter.sync(ruleset("10.0.0.2:80"), undefined, "glance")).toContain("nat hooks differ");
    expect(tool.text()).toBe(whole);
    await tool.restore('*nat\n-D PREROUTING -m comment --comment "our entry" -j COX-ENTRY\nCOMMIT\n');
    expect(await netfilter.sync(ruleset("10.0.0.2:80"), undefined, "glance")).toEqual(["nat hooks differ"]);
  });

  it("netfilter makes one hook out of a doubled one", async () => {
    const { tool, netfilter } = setUp();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    const whole = tool.text();
    await tool.restore('*nat\n-A PREROUTING -m comment --comment "our entry" -j COX-ENTRY\nCOMMIT\n');
    expect(await netfilter.sync(ruleset("10.0.0.2:80"))).toEqual(["nat hooks differ"]);
    expect(tool.text()).toBe(whole);
  });

  it("netfilter removes everything of ours and nothing else", async () => {
    const { tool, netfilter } = setUp();
    await tool.restore("*filter\n:THEIRS - [0:0]\n-A FORWARD -j THEIRS\nCOMMIT\n");
    const before = tool.text();
    await netfilter.sync(ruleset("10.0.0.2:80"));
    expect(await netfilter.remove()).toEqual([
      "nat COX-ENTRY is not wanted",
      "nat COX-WEB is not wanted",
      "nat hooks differ",
    ]);
    expect(tool.text()).toBe(before);
    expect(await netfilter.remove()).toEqual([]);
  });

  it("netfilter refuses chains that it could not remove again", () => {
    const { netfilter } = setUp();
    const foreign: Ruleset = {
      family: "ipv4",
      tables: [{ name: "nat", chains: [{ name: "THEIRS", rules: [] }], hooks: [] }],
    };
    expect(() => netfilter.sync(foreign)).toThrow("chain THEIRS is not one of this owner's");
  });
});
