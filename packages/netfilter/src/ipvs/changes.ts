// The smallest `ipvsadm -R` text that turns what is observed into what is wanted. Each line takes effect by itself, so the order matters: what
// serves comes before what goes. A real server that is not wanted any more gets no new clients (weight 0) and goes when its connections have
// ended; one of UDP, which has no ends, goes at once (the kernel then leads its clients elsewhere), as does one of a scheduler that hashes: it would go
// on choosing the one without weight, and refuse those clients. Strangers' virtual servers are not mentioned, unless one stands where a wanted one has
// to stand: that one becomes ours.
import type { Changes } from "../changes.ts";
import { ourFlag } from "./listed.ts";
import { endpointText, virtualServerKey } from "./virtual-server.ts";
import type { IpvsScheduler, ObservedReal, ObservedServer, ObservedServers, VirtualServer } from "./virtual-server.ts";

export interface IpvsChanges extends Changes {
  /** What the kernel holds of ours when the text has taken effect; nobody has looked at its connections. */
  readonly after: ObservedServers;
}

const hashing: readonly IpvsScheduler[] = ["dh", "sh", "mh"];
const serving: ObservedReal = { weight: 1, connections: undefined, isTranslated: true };

/** Of several wanted ones at the same place the first counts. That a real server has gone quietly is no reason to tell. */
export function planIpvsChanges(wanted: readonly VirtualServer[], observed: ObservedServers): IpvsChanges {
  const plan: Plan = { come: [], leave: [], because: [] };
  const after = new Map<string, ObservedServer>();
  for (const server of wanted) {
    const key = virtualServerKey(server);
    if (!after.has(key)) after.set(key, planServer(plan, key, server, observed.get(key)));
  }
  for (const [key, { isOurs }] of observed) {
    if (!isOurs || after.has(key)) continue;
    plan.leave.push(`-D ${serviceWords(key)}`);
    plan.because.push(`${key} is not wanted`);
  }
  return { text: [...plan.come, ...plan.leave].map((line) => `${line}\n`).join(""), because: plan.because, after };
}

interface Plan {
  readonly come: string[];
  readonly leave: string[];
  readonly because: string[];
}

function planServer(
  plan: Plan,
  key: string,
  wanted: VirtualServer,
  before: ObservedServer | undefined,
): ObservedServer {
  const { come, leave, because } = plan;
  const service = serviceWords(key);
  const { scheduler, persistentSeconds } = wanted;
  if (!before || !isSame(wanted, before)) {
    const persistent = persistentSeconds === undefined ? "" : ` -p ${persistentSeconds}`;
    come.push(`${before ? "-E" : "-A"} ${service} -s ${scheduler}${persistent} -b ${ourFlag}`);
    because.push(`${key} ${before ? "differs" : "is missing"}`);
  }
  const servers = new Map<string, ObservedReal>();
  for (const real of wanted.servers) {
    const at = endpointText(real);
    const known = before?.servers.get(at);
    servers.set(at, serving);
    if (known?.weight === 1 && known.isTranslated) continue;
    come.push(`${known ? "-e" : "-a"} ${service} -r ${at} -m -w 1`);
    if (before) because.push(`${key} -> ${at} ${known ? "differs" : "is missing"}`);
  }
  for (const [at, { weight, connections }] of before?.servers ?? []) {
    if (servers.has(at)) continue;
    const waits = wanted.protocol !== "udp" && connections !== 0 && !hashing.includes(scheduler);
    if (waits) servers.set(at, { weight: 0, connections: undefined, isTranslated: true });
    if (!waits) leave.push(`-d ${service} -r ${at}`);
    else if (weight !== 0) leave.push(`-e ${service} -r ${at} -m -w 0`);
    if (weight !== 0) because.push(`${key} -> ${at} is not wanted`);
  }
  return { scheduler, persistentSeconds, isOurs: true, isPlain: true, servers };
}

function isSame(wanted: VirtualServer, { scheduler, persistentSeconds, isOurs, isPlain }: ObservedServer): boolean {
  return isOurs && isPlain && scheduler === wanted.scheduler && persistentSeconds === wanted.persistentSeconds;
}

/** "tcp 10.96.0.5:80" as the tool's words. */
function serviceWords(key: string): string {
  const [protocol, at] = key.split(" ");
  return `${protocol === "tcp" ? "-t" : protocol === "udp" ? "-u" : "--sctp-service"} ${at}`;
}
