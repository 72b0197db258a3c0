// Makes one family's virtual servers as wanted: read, compare, write what differs. Ours are known by a mark that they bear in the kernel, so a later
// process that remembers nothing finds them; strangers' are left alone. Two calls at once are put in a row.
import { NetfilterError } from "../errors.ts";
import type { Family } from "../rule.ts";
import { planIpvsChanges } from "./changes.ts";
import { ourFlag, parseIpvsList } from "./listed.ts";
import type { IpvsTool } from "./tool.ts";
import type { IpvsScheduler, ObservedServers, VirtualServer } from "./virtual-server.ts";

export interface Ipvs {
  /**
   * Makes the virtual servers as wanted and says what differed; an empty list means that nobody was told anything else than before. "trust" compares
   * with what was written last, where that is known; everything else with the kernel. Real servers whose connections have ended go at a look.
   */
  sync(
    wanted: readonly VirtualServer[],
    how: "look" | "glance" | "trust",
    signal?: AbortSignal,
  ): Promise<readonly string[]>;
  /** Removes all of ours; says which there were. */
  remove(signal?: AbortSignal): Promise<readonly string[]>;
  /** Fails where the tool, the kernel's part or the scheduler is missing. */
  probe(scheduler: IpvsScheduler, signal?: AbortSignal): Promise<void>;
}

/** A firewall mark that nobody sets: a server for it gets no packet. */
const unusedMark = 0xfffffffe;

export function createIpvs(config: { readonly family: Family }, ports: { readonly tool: IpvsTool }): Ipvs {
  const { family } = config;
  const { tool } = ports;
  let known: ObservedServers | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inRow = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };
  const read = async (signal?: AbortSignal): Promise<ObservedServers> => parseIpvsList(await tool.list(signal), family);
  const write = async (
    wanted: readonly VirtualServer[],
    observed: ObservedServers,
    signal?: AbortSignal,
  ): Promise<readonly string[]> => {
    const { text, because, after } = planIpvsChanges(wanted, observed);
    known = undefined;
    if (text !== "") await tool.apply(text, signal);
    known = after;
    return because;
  };
  return {
    sync: (wanted, how, signal) =>
      inRow(async () => write(wanted, (how === "trust" ? known : undefined) ?? (await read(signal)), signal)),
    remove: (signal) =>
      inRow(async () => {
        // Asking the tool would load what is not there.
        if (!(await tool.isLoaded(signal))) return [];
        try {
          return await write([], await read(signal), signal);
        } catch (error) {
          if (error instanceof NetfilterError && error.code === "tool-missing") return [];
          throw error;
        }
      }),
    probe: (scheduler, signal) =>
      inRow(async () => {
        await tool.list(signal);
        const words = `-f ${unusedMark}${family === "ipv6" ? " -6" : ""}`;
        await tool.apply(`-A ${words} -s ${scheduler} -b ${ourFlag}\n-D ${words}\n`, signal);
      }),
  };
}
