// The challenges of a cluster, each as one script. `npm run demos` plays them on a lab.
import type { Demo } from "./stage.ts";
import { demo as containerMonitoring } from "./container-monitoring.ts";
import { demo as containerProvisioning } from "./container-provisioning.ts";
import { demo as correlatedProcesses } from "./correlated-processes.ts";
import { demo as dynamicScaling } from "./dynamic-scaling.ts";
import { demo as horizontalScaling } from "./horizontal-scaling.ts";
import { demo as loadBalancing } from "./load-balancing.ts";
import { demo as nodeFailure } from "./node-failure.ts";
import { demo as redistribution } from "./redistribution.ts";
import { demo as resourceUtilization } from "./resource-utilization.ts";
import { demo as routing } from "./routing.ts";
import { demo as virtualNetwork } from "./virtual-network.ts";

export const demos = {
  "resource-utilization": resourceUtilization,
  "container-provisioning": containerProvisioning,
  "dynamic-scaling": dynamicScaling,
  "virtual-network": virtualNetwork,
  "node-failure": nodeFailure,
  redistribution,
  "correlated-processes": correlatedProcesses,
  "horizontal-scaling": horizontalScaling,
  routing,
  "load-balancing": loadBalancing,
  "container-monitoring": containerMonitoring,
} as const satisfies Readonly<Record<string, Demo>>;
