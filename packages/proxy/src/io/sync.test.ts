import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import { createNetfilter } from "@coxswain/netfilter";
import { createMemoryTool } from "@coxswain/netfilter/testing";
import { isProxyChain, proxyTables } from "../core/chains.ts";
import { serviceRules } from "../core/rules.ts";
import type { ServicePort } from "../core/service-port.ts";
import { proxyMetrics } from "../metrics.ts";
import { chainHash } from "./chain-hash.ts";
import { createRuleSync } from "./sync.ts";

function port(protocol: "tcp" | "udp", ...addresses: string[]): ServicePort {
  const backends = addresses.map((address) => ({ address, port: 8080 }));
  return {
    id: "shop/web",
    protocol,
    clusterIp: "10.96.0.5",
    port: 80,
    nodePort: undefined,
    externalIps: [],
    loadBalancerIps: [],
    loadBalancerSourceRanges: [],
    affinitySeconds: undefined,
    internalPolicy: "Cluster",
    externalPolicy: "Cluster",
    backends,
    localBackends: backends,
  };
}

async function setUp(first: ServicePort) {
  const clock = createSimulatedClock();
  const tool = createMemoryTool();
  const silent = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    child: () => silent,
  };
  const forgotten: number[] = [];
  const state = { ports: [first] };
  const sync = createRuleSync(
    { minIntervalMs: 100, checkIntervalMs: 5_000 },
    {
      clock,
      log: silent,
      metrics: createMetricsRegistry("proxy").create(proxyMetrics),
      netfilter: createNetfilter({ owned: isProxyChain, tables: proxyTables }, { tool }),
      conntrack: {
        list: async () => [
          {
            source: "10.244.1.2",
            sourcePort: 1,
            destination: "10.96.0.5",
            destinationPort: 80,
            replySource: "10.244.1.7",
            replySourcePort: 8080,
          },
        ],
        forget: async (flow) => void forgotten.push(flow.sourcePort),
      },
      ports: () => state.ports,
      rules: (ports) =>
        serviceRules(ports, { clusterCidr: undefined, masqueradeAll: false, masqueradeMark: 0x4000 }, chainHash),
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

  it("rule sync repairs a stranger's flush within its check interval", async () => {
    const { clock, tool, stop } = await setUp(port("tcp", "10.244.1.7"));
    const whole = tool.text();
    tool.flush("nat");
    await clock.advance(5_000);
    expect(tool.text()).toBe(whole);
    await stop();
  });

  it("rule sync forgets UDP flows to backends that are gone", async () => {
    const { clock, state, sync, forgotten, stop } = await setUp(port("udp", "10.244.1.7"));
    expect(forgotten).toEqual([]);
    state.ports = [port("udp", "10.244.1.8")];
    sync.wake();
    await clock.advance(200);
    expect(forgotten).toEqual([1]);
    await stop();
  });

  it("rule sync leaves the rules in force when it ends", async () => {
    const { tool, stop } = await setUp(port("tcp", "10.244.1.7"));
    await stop();
    expect(tool.text()).toContain("KUBE-SEP-");
  });
});
