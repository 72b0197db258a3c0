// Flags about how packets get to the pods of other nodes.
import { UsageError, defineFlags } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { NetworkMode } from "../core/network/ways.ts";

export const networkFlags = defineFlags({
  "network-mode": {
    type: "string",
    default: "auto",
    help: "How other nodes' pods are reached: routes, vxlan, or auto: routes on a shared link and VXLAN beyond it; or cni: plugins do it all",
  },
  "cni-conf-dir": {
    type: "string",
    default: "/etc/cni/net.d",
    help: "Where --network-mode=cni finds its network: the first file by name",
  },
  "cni-bin-dir": { type: "list", default: ["/opt/cni/bin", "/usr/lib/cni"], help: "Where CNI plugins are" },
  "vxlan-port": { type: "number", default: 4789, help: "UDP port of the packets between machines that VXLAN makes" },
});

export interface NetworkConfig {
  readonly mode: NetworkMode;
  readonly vxlanPort: number;
  /** Plugins do it all, when this is there. */
  readonly cni: { readonly configDirectory: string; readonly pluginDirectories: readonly string[] } | undefined;
}

const modes: readonly NetworkMode[] = ["auto", "routes", "vxlan"];

export function readNetworkConfig(values: FlagValues<typeof networkFlags>): NetworkConfig {
  const isCni = values["network-mode"] === "cni";
  const mode = isCni ? "auto" : modes.find((known) => known === values["network-mode"]);
  if (mode === undefined)
    throw new UsageError(`--network-mode: expected auto, routes, vxlan or cni, found ${values["network-mode"]}`);
  const vxlanPort = values["vxlan-port"];
  if (!Number.isInteger(vxlanPort) || vxlanPort < 1 || vxlanPort > 65_535)
    throw new UsageError(`--vxlan-port: expected 1 to 65535, found ${vxlanPort}`);
  const cni = { configDirectory: values["cni-conf-dir"], pluginDirectories: values["cni-bin-dir"] };
  return { mode, vxlanPort, cni: isCni ? cni : undefined };
}
