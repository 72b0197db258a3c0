// One table with every word of the vocabulary: against the real tool in a network namespace of its own, where there is
// one, and in memory everywhere.
import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { createMemoryNftTool } from "../../testing/index.ts";
import { createNftTool, createNftables, nftKey, renderNftTable } from "../index.ts";
import type { Family, NftTable, NftTool } from "../index.ts";

const many = Array.from({ length: 20 }, (_, index) => `pick-${index}`);

function table(family: Family, services: readonly number[], backend = 7): NftTable {
  const address = (last: number): string => (family === "ipv4" ? `10.0.0.${last}` : `fd00::${last}`);
  const service = ["destination", "protocol", "port"] as const;
  const key = (last: number): string => nftKey(address(last), "tcp", 80);
  return {
    family,
    name: "cox-test",
    sets: [
      {
        name: "services",
        key: ["address", "protocol", "port"],
        value: "verdict",
        elements: new Map(services.map((last) => [key(last), "goto choose"])),
      },
      {
        name: "backends",
        key: ["address", "protocol", "port"],
        value: ["address", "port"],
        elements: new Map(services.map((last) => [key(last), nftKey(address(backend), 8080)])),
      },
      { name: "pairs", key: ["address", "address"], elements: new Map([[nftKey(address(7), address(7)), ""]]) },
      { name: "clients", key: ["address"], elements: new Map(), timeoutSeconds: 10_800 },
      { name: "others", key: ["address"], elements: new Map(), timeoutSeconds: 90_061 },
    ],
    chains: [
      {
        name: "first",
        base: { type: "filter", hook: "prerouting", priority: "dstnat - 10" },
        rules: [[{ kind: "state", state: "new" }, { kind: "port", port: 9 }, { kind: "drop" }]],
      },
      {
        name: "prerouting",
        base: { type: "nat", hook: "prerouting", priority: "dstnat" },
        rules: [
          [{ kind: "verdictOf", key: service, map: "services" }],
          [
            { kind: "address", of: "destination", cidr: family === "ipv4" ? "127.0.0.0/8" : "::1/128", not: true },
            { kind: "local", of: "destination" },
            { kind: "jump", chain: "choose" },
          ],
          [
            { kind: "within", key: ["source"], set: "clients" },
            { kind: "goto", chain: "pick-0" },
          ],
        ],
      },
      { name: "output", base: { type: "nat", hook: "output", priority: "-100" }, rules: [] },
      { name: "early", base: { type: "filter", hook: "output", priority: "-110" }, rules: [] },
      {
        name: "forward",
        base: { type: "filter", hook: "forward", priority: "filter" },
        rules: [
          [{ kind: "state", state: "invalid" }, { kind: "drop" }],
          [{ kind: "reject" }],
          [{ kind: "local", of: "source" }, { kind: "accept" }],
          [{ kind: "return" }],
        ],
      },
      {
        name: "postrouting",
        base: { type: "nat", hook: "postrouting", priority: "srcnat" },
        rules: [
          [{ kind: "marked", bit: 0x4000 }, { kind: "clearMark", bit: 0x4000 }, { kind: "masquerade" }],
          [
            { kind: "translated" },
            { kind: "within", key: ["source", "destination"], set: "pairs" },
            { kind: "masquerade" },
          ],
        ],
      },
      { name: "choose", rules: [[{ kind: "setMark", bit: 0x4000 }], [{ kind: "choose", chains: many }]] },
      ...many.map((name) => ({
        name,
        rules:
          name === "pick-1"
            ? ([
                [{ kind: "remember", set: "clients" }],
                [
                  { kind: "protocol", protocol: "sctp" },
                  { kind: "destinationNat", address: address(7), port: 80 },
                ],
              ] as const)
            : ([[{ kind: "destinationOf", key: service, map: "backends" }]] as const),
      })),
    ],
  };
}

const namespace = "cox-nft-test";
const real = spawnSync("ip", ["netns", "add", namespace]).status === 0 && inside("nft", "list", "tables").status === 0;

function inside(...words: string[]) {
  return spawnSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" });
}

afterAll(() => void spawnSync("ip", ["netns", "delete", namespace]));

const tools: readonly (readonly [string, () => { tool: NftTool; destroy: () => void }])[] = [
  [
    "in memory",
    () => {
      const tool = createMemoryNftTool();
      return { tool, destroy: () => tool.destroy() };
    },
  ],
  [
    "in the kernel",
    () => ({
      tool: createNftTool({ prefix: ["ip", "netns", "exec", namespace] }),
      destroy: () => void inside("nft", "delete", "table", "ip", "cox-test"),
    }),
  ],
];

describe.each(tools)("nftables %s", (where, setUp) => {
  const runs = where === "in memory" || real;
  const run = it.runIf(runs);

  run.each(["ipv4", "ipv6"] as const)(
    "nftables writes a whole table over %s, reads it back as the same, and removes it",
    async (family) => {
      const { tool } = setUp();
      const nftables = createNftables({ family, name: "cox-test" }, { tool });
      expect(await nftables.sync(table(family, [1, 2]), "look")).toEqual(["table cox-test is missing"]);
      expect(await nftables.sync(table(family, [1, 2]), "look")).toEqual([]);
      expect(await nftables.sync(table(family, [1, 2]), "glance")).toEqual([]);
      expect(await nftables.remove()).toEqual(["table cox-test is not wanted"]);
      expect(await nftables.remove()).toEqual([]);
    },
  );

  run("nftables changes elements one by one, and a later process takes the table over as it is", async () => {
    const { tool } = setUp();
    await createNftables({ family: "ipv4", name: "cox-test" }, { tool }).sync(table("ipv4", [1, 2]), "look");
    const nftables = createNftables({ family: "ipv4", name: "cox-test" }, { tool });
    expect(await nftables.sync(table("ipv4", [2, 3]), "trust")).toEqual([
      "services: 1 elements more, 1 fewer",
      "backends: 1 elements more, 1 fewer",
    ]);
    expect(await nftables.sync(table("ipv4", [2, 3], 8), "trust")).toEqual(["backends: 2 elements more, 2 fewer"]);
    expect(await nftables.sync(table("ipv4", [2, 3], 8), "look")).toEqual([]);
    await nftables.remove();
  });

  run("nftables repairs a stranger's deletion at the next glance", async () => {
    const { tool, destroy } = setUp();
    const nftables = createNftables({ family: "ipv4", name: "cox-test" }, { tool });
    await nftables.sync(table("ipv4", [1]), "look");
    destroy();
    expect(await nftables.sync(table("ipv4", [1]), "glance")).toEqual(["table cox-test is missing"]);
    await nftables.remove();
  });

  run("nftables finds strangers' elements and rules by looking", async () => {
    const { tool } = setUp();
    const nftables = createNftables({ family: "ipv4", name: "cox-test" }, { tool });
    await nftables.sync(table("ipv4", [1]), "look");
    await tool.apply(
      "delete element ip cox-test backends { 10.0.0.1 . tcp . 80 }\nadd rule ip cox-test forward drop\n",
    );
    expect(await nftables.sync(table("ipv4", [1]), "glance")).toEqual(["forward differs"]);
    expect(await nftables.sync(table("ipv4", [1]), "look")).toEqual(["backends: 1 elements more, 0 fewer"]);
    await nftables.remove();
  });

  run("nftables makes the table anew in one transaction where a set's kind differs", async () => {
    const { tool } = setUp();
    const nftables = createNftables({ family: "ipv4", name: "cox-test" }, { tool });
    const before = table("ipv4", [1]);
    await nftables.sync(before, "look");
    const after: NftTable = {
      ...before,
      sets: before.sets.map((set) => (set.name === "clients" ? { ...set, timeoutSeconds: 60 } : set)),
    };
    expect(await nftables.sync(after, "trust")).toEqual(["table cox-test is made anew"]);
    expect(await nftables.sync(after, "look")).toEqual([]);
    await nftables.remove();
  });

  run("nftables removes chains and sets that are not wanted any more", async () => {
    const { tool } = setUp();
    const nftables = createNftables({ family: "ipv4", name: "cox-test" }, { tool });
    await nftables.sync(table("ipv4", [1]), "look");
    const small: NftTable = { family: "ipv4", name: "cox-test", sets: [], chains: [{ name: "alone", rules: [] }] };
    expect(await nftables.sync(small, "trust")).toContain("pick-19 is not wanted");
    expect(await nftables.sync(small, "look")).toEqual([]);
    await nftables.remove();
  });
});

describe("createNftables", () => {
  it("createNftables refuses another owner's table", () => {
    const nftables = createNftables({ family: "ipv4", name: "mine" }, { tool: createMemoryNftTool() });
    expect(() => nftables.sync(table("ipv4", []), "look")).toThrow("table ipv4 cox-test is not this owner's");
  });

  it("a refusal quotes the line it means", async () => {
    const nftables = createNftTool({ prefix: ["ip", "netns", "exec", namespace] });
    if (!real) return;
    await expect(nftables.apply("add table ip cox-x\nadd rule ip cox-x nowhere drop\n")).rejects.toThrow(
      "(add rule ip cox-x nowhere drop)",
    );
  });

  it("renderNftTable lists the table as the tool does", () => {
    expect(renderNftTable({ ...table("ipv4", [1]), chains: table("ipv4", []).chains.slice(0, 2) }))
      .toBe(`table ip cox-test {
	map services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.0.0.1 . tcp . 80 : goto choose }
	}

	map backends {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
		elements = { 10.0.0.1 . tcp . 80 : 10.0.0.7 . 8080 }
	}

	set pairs {
		type ipv4_addr . ipv4_addr
		elements = { 10.0.0.7 . 10.0.0.7 }
	}

	set clients {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 3h
	}

	set others {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 1d1h1m1s
	}

	chain first {
		type filter hook prerouting priority dstnat - 10; policy accept;
		ct state new th dport 9 drop
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr . meta l4proto . th dport vmap @services
		ip daddr != 127.0.0.0/8 fib daddr type local jump choose
		ip saddr @clients goto pick-0
	}
}
`);
  });
});
