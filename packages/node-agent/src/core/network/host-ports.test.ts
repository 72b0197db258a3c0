import { describe, expect, it } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { hostPortsOf } from "./host-ports.ts";

const ports = ["", "0.0.0.0", "::", "192.0.2.1", "x", "2001:db8::1", "1.2.3.4 -j ACCEPT"].map((hostIP, index) => ({
  containerPort: 80,
  hostPort: index + 1,
  hostIP,
}));
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: { containers: [{ name: "c", image: "i", ports }] },
} as Pod;

describe("the ports of the machine that lead to a pod", () => {
  it("are those whose address the machine can have", () => {
    expect(hostPortsOf(pod, "10.0.0.2").map(({ hostPort, hostIP }) => [hostPort, hostIP])).toEqual([
      [1, ""],
      [2, ""],
      [3, ""],
      [4, "192.0.2.1"],
    ]);
  });

  it("are none without an address of its own", () => {
    expect(hostPortsOf(pod, undefined)).toEqual([]);
  });
});
