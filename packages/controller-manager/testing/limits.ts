// The defaults of the flags that controllers are made with, for tests that start them all.
import type { createController } from "../src/controllers.ts";

export const limits: Parameters<typeof createController>[2] = {
  cluster: { base: 0x0af40000, prefix: 16 },
  nodeMask: 24,
  rootCa: "",
  signing: undefined,
  tokenKeyFile: "",
  localVolumes: "/srv/volumes",
  nodeGraceMs: 40_000,
  nodeStartupGraceMs: 60_000,
  terminatedThreshold: 0,
  evictionRates: { perSecond: 0.1, secondaryPerSecond: 0.01, unhealthyThreshold: 0.55, largeZone: 50 },
  autoscaling: {
    periodMs: 15_000,
    downWindowMs: 300_000,
    tolerance: 0.1,
    cpuInitializationMs: 300_000,
    readinessDelayMs: 30_000,
  },
};
