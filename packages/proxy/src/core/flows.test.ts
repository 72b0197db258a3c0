import { describe, expect, it } from "vitest";
import { parseFlows } from "../io/conntrack.ts";
import { goneFrontends, staleFlows } from "./flows.ts";
import type { Frontend } from "./flows.ts";

const dns: Frontend = { address: "10.96.0.20", port: 53, backends: new Set(["10.244.1.7:5353"]) };
const nodePort: Frontend = { address: undefined, port: 30053, backends: dns.backends };

const table = [
  "udp      17 25 src=10.244.1.2 dst=10.96.0.20 sport=1001 dport=53 src=10.244.1.7 dst=10.244.1.2 sport=5353 dport=1001 mark=0 use=1",
  "udp      17 25 src=10.244.1.2 dst=10.96.0.20 sport=1002 dport=53 [UNREPLIED] src=10.244.1.8 dst=10.244.1.2 sport=5353 dport=1002 mark=0 use=1",
  "udp      17 25 src=10.244.1.2 dst=10.96.0.20 sport=1003 dport=53 [UNREPLIED] src=10.96.0.20 dst=10.244.1.2 sport=53 dport=1003 mark=0 use=1",
  "udp      17 25 src=203.0.113.9 dst=192.168.1.10 sport=1004 dport=30053 src=10.244.1.8 dst=192.168.1.10 sport=5353 dport=1004 [ASSURED] mark=0 use=1",
  "udp      17 25 src=203.0.113.9 dst=8.8.8.8 sport=1005 dport=30053 src=8.8.8.8 dst=203.0.113.9 sport=30053 dport=1005 mark=0 use=1",
].join("\n");

const stale = (frontends: readonly Frontend[], gone: readonly Frontend[] = []): number[] =>
  staleFlows(parseFlows(table), frontends, gone).map(({ sourcePort }) => sourcePort);

describe("staleFlows", () => {
  it("staleFlows names flows to backends that are gone and flows past a service that has backends now", () => {
    expect(stale([dns, nodePort])).toEqual([1002, 1003, 1004]);
  });

  it("staleFlows leaves an untranslated flow alone while there is no backend", () => {
    expect(stale([{ ...dns, backends: new Set() }])).toEqual([1001, 1002]);
  });

  it("staleFlows names the flows of a deleted service", () => {
    expect(goneFrontends([dns, nodePort], [nodePort])).toEqual([dns]);
    expect(stale([], [dns])).toEqual([1001, 1002]);
  });

  it("staleFlows names connections that nobody has answered, on their way to a backend that is gone", () => {
    const unanswered = parseFlows(
      [
        "tcp      6 118 SYN_SENT src=10.244.1.2 dst=10.96.0.30 sport=2001 dport=80 [UNREPLIED] src=10.244.1.8 dst=10.244.1.2 sport=8080 dport=2001 mark=0 use=1",
        "tcp      6 119 SYN_SENT src=10.244.1.2 dst=10.96.0.30 sport=2002 dport=80 [UNREPLIED] src=10.244.1.7 dst=10.244.1.2 sport=8080 dport=2002 mark=0 use=1",
        "tcp      6 119 SYN_SENT src=10.244.1.2 dst=203.0.113.5 sport=2003 dport=80 [UNREPLIED] src=203.0.113.5 dst=10.244.1.2 sport=80 dport=2003 mark=0 use=1",
      ].join("\n"),
    );
    const web: Frontend = { address: "10.96.0.30", port: 80, backends: new Set(["10.244.1.7:8080"]) };
    expect(unanswered.map(({ protocol }) => protocol)).toEqual(["tcp", "tcp", "tcp"]);
    expect(staleFlows(unanswered, [web], []).map(({ sourcePort }) => sourcePort)).toEqual([2001]);
  });

  it("staleFlows leaves everything else alone", () => {
    expect(stale([])).toEqual([]);
  });
});
