// Flags about how packets get to the pods of other nodes.
import { UsageError, defineFlags } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { NetworkMode } from "../core/network/ways.ts";

export const networkFlags = defineFlags({
  "network-mode": {
    type: "string",
    default: "auto",
    help: "How other nodes' pods are reached: routes, vxlan, or auto: routes on a shared link and VXLAN beyond it",
  },
  "vxlan-port": { type: "number", default: 4789, help: "UDP port of the packets between machines that VXLAN makes" },
});

export interface NetworkConfig {
  readonly mode: NetworkMode;
  readonly vxlanPort: number;
}

const modes: readonly NetworkMode[] = ["auto", "routes", "vxlan"];

export function readNetworkConfig(values: FlagValues<typeof networkFlags>): NetworkConfig {
  const mode = modes.find((known) => known === values["network-mode"]);
  if (mode === undefined)
    throw new UsageError(`--network-mode: expected auto, routes or vxlan, found ${values["network-mode"]}`);
  const vxlanPort = values["vxlan-port"];
  if (!Number.isInteger(vxlanPort) || vxlanPort < 1 || vxlanPort > 65_535)
    throw new UsageError(`--vxlan-port: expected 1 to 65535, found ${vxlanPort}`);
  return { mode, vxlanPort };
}
