// The kernel's settings that IPVS mode needs: connections known to the packet filter, so that sources can be hidden; clients of a real server that is
// gone or leaves are led elsewhere at once, also those that stick to it.
import { runTool } from "@coxswain/netfilter";

export interface IpvsKernel {
  /** Makes the settings as needed; says which differed. */
  ensure(signal?: AbortSignal): Promise<readonly string[]>;
}

export interface IpvsKernelConfig {
  /** Who asks by ARP for a service's address gets no answer from this machine, unless it is on the link that was asked at. */
  readonly strictArp: boolean;
}

const always: readonly Setting[] = [
  ["net/ipv4/vs/conntrack", "1"],
  ["net/ipv4/vs/expire_nodest_conn", "1"],
  ["net/ipv4/vs/expire_quiescent_template", "1"],
];
const strictArp: readonly Setting[] = [
  ["net/ipv4/conf/all/arp_ignore", "1"],
  ["net/ipv4/conf/all/arp_announce", "2"],
];

type Setting = readonly [path: string, value: string];

export function createIpvsKernel(config: IpvsKernelConfig, prefix: readonly string[] = []): IpvsKernel {
  const settings = config.strictArp ? [...always, ...strictArp] : always;
  const paths = settings.map(([path]) => `/proc/sys/${path}`);
  return {
    async ensure(signal) {
      const found = (await runTool([...prefix, "cat", ...paths], "", signal)).trim().split("\n");
      const changed = settings.filter(([, value], index) => found[index]?.trim() !== value);
      for (const [path, value] of changed) await runTool([...prefix, "tee", `/proc/sys/${path}`], value, signal);
      return changed.map(([path]) => `${path.replaceAll("/", ".")} differs`);
    },
  };
}
