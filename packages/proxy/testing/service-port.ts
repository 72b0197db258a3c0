// What the proxy's own tests share: a service port with as little said as possible, and a log that says nothing.
import type { Logger } from "@coxswain/daemon";
import type { ServicePort } from "../src/core/service-port.ts";

export function testPort(port: Partial<ServicePort>): ServicePort {
  return {
    id: "shop/web",
    protocol: "tcp",
    clusterIp: "10.96.0.5",
    port: 80,
    nodePort: undefined,
    externalIps: [],
    loadBalancerIps: [],
    loadBalancerSourceRanges: [],
    nodeMayUseLoadBalancer: false,
    affinitySeconds: undefined,
    internalPolicy: "Cluster",
    externalPolicy: "Cluster",
    backends: [],
    localBackends: [],
    healthCheck: undefined,
    ...port,
  };
}

export const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
