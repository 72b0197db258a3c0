import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import { createMemoryTool } from "@coxswain/netfilter/testing";
import type { ServicePort } from "../core/service-port.ts";
import { proxyMetrics } from "../metrics.ts";
import { silentLog, testPort } from "../../testing/service-port.ts";
import { createIptables } from "./dataplane.ts";
import { createRuleSync } from "./sync.ts";

function port(protocol: "tcp" | "udp", ...addresses: string[]): ServicePort {
  const backends = addresses.map((address) => ({ address, port: 8080 }));
  return testPort({ protocol, backends, localBackends: backends });
}

async function setUp(first: ServicePort, writingMs = 0) {
  const clock = createSimulatedClock();
  const tool = createMemoryTool();
  const slow = {
    ...tool,
    async restore(text: string) {
      if (writingMs > 0) await clock.sleep(writingMs);
      await tool.restore(text);
    },
  };
  const forgotten: number[] = [];
  const state = { ports: [first] };
  const inForce: number[] = [];
  let turns = 0;
  const sync = createRuleSync(
    { minIntervalMs: 100, checkIntervalMs: 5_000 },
    {
      clock,
      log: silentLog,
      metrics: createMetricsRegistry("proxy").create(proxyMetrics),
      families: [
        {
          dataplane: createIptables("ipv4", slow),
          conntrack: {
            list: async (protocol) => [
              {
                protocol,
                source: "10.244.1.2",
                sourcePort: protocol === "udp" ? 1 : 2,
                destination: "10.96.0.5",
                destinationPort: 80,
                replySource: "10.244.1.7",
                replySourcePort: 8080,
              },
            ],
            forget: async (flow) => void forgotten.push(flow.sourcePort),
          },
          ports: () => state.ports,
          rules: () => ({
            family: "ipv4",
            nodePortRanges: [],
            clusterCidr: undefined,
            masqueradeAll: false,
            masqueradeMark: 0x4000,
          }),
        },
      ],
      turn: () => {
        const turn = ++turns;
        return () => void inForce.push(turn);
      },
    },
  );
  const aborter = new AbortController();
  const running = sync.run(aborter.signal);
  await clock.advance(1);
  return {
    clock,
    tool,
    state,
    sync,
    forgotten,
    inForce,
    stop: async () => (aborter.abort(), await clock.advance(1), await running),
  };
}

describe("rule sync", () => {
  it("rule sync writes at once, and several changes within the shortest interval together", async () => {
    const { clock, tool, state, sync, stop } = await setUp(port("tcp", "10.244.1.7"));
    expect(sync.synced()).toBe(true);
    expect(tool.restored.length).toBe(1);
    for (const last of [8, 9, 10]) {
      state.ports = [port("tcp", `10.244.1.${last}`)];
      sync.wake();
    }
    await clock.advance(200);
    expect(tool.restored.length).toBe(2);
    expect(tool.text()).toContain("10.244.1.10:8080");
    await stop();
  });

  it("rule sync rests for as long as it has worked", async () => {
    const { clock, tool, state, sync, stop } = await setUp(port("tcp", "10.244.1.7"), 1_000);
    await clock.advance(1_000);
    expect(tool.restored.length).toBe(1);
    state.ports = [port("tcp", "10.244.1.8")];
    sync.wake();
    await clock.advance(1_900);
    expect(tool.restored.length).toBe(1);
    await clock.advance(200);
    expect(tool.restored.length).toBe(2);
    await stop();
  });

  it("rule sync repairs a stranger's flush within its check interval", async () => {
    const { clock, tool, stop } = await setUp(port("tcp", "10.244.1.7"));
    const whole = tool.text();
    tool.flush("nat");
    await clock.advance(5_000);
    expect(tool.text()).toBe(whole);
    await stop();
  });

  it.each([
    ["UDP flows", "udp", 1],
    ["unanswered connections", "tcp", 2],
  ] as const)("rule sync forgets %s to backends that are gone", async (_what, protocol, flow) => {
    const { clock, state, sync, forgotten, stop } = await setUp(port(protocol, "10.244.1.7"));
    expect(forgotten).toEqual([]);
    state.ports = [port(protocol, "10.244.1.8")];
    sync.wake();
    await clock.advance(200);
    expect(forgotten).toEqual([flow]);
    await stop();
  });

  it("rule sync says that a truth is in force only when it is, and looks at the kernel after a failure", async () => {
    const { clock, tool, state, sync, inForce, stop } = await setUp(port("tcp", "10.244.1.7"));
    expect(inForce).toEqual([1]);
    const { restore } = tool;
    tool.restore = async () => {
      throw new Error("the lock is taken");
    };
    tool.flush("nat");
    state.ports = [port("tcp", "10.244.1.8")];
    sync.wake();
    await clock.advance(150);
    expect(inForce).toEqual([1]);
    tool.restore = restore;
    await clock.advance(1_000);
    expect(inForce.length).toBeGreaterThan(1);
    expect(tool.text()).toContain("10.244.1.8:8080");
    expect(tool.text()).toContain('-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES');
    await stop();
  });

  it("rule sync leaves the rules in force when it ends", async () => {
    const { tool, stop } = await setUp(port("tcp", "10.244.1.7"));
    await stop();
    expect(tool.text()).toContain("KUBE-SEP-");
  });
});
