// Makes one table of nftables as wanted. It remembers what it wrote, so that a change costs what differs and not a look at
// everything; a look at the kernel (`sync` with "look") finds what strangers did. Two calls at once are put in a row.
import type { Family } from "../rule.ts";
import { NetfilterError } from "../errors.ts";
import { planNftChanges } from "./changes.ts";
import { parseNftList } from "./listed.ts";
import { nftState } from "./render.ts";
import type { NftState } from "./render.ts";
import type { NftTable } from "./table.ts";
import type { NftTool } from "./tool.ts";

export interface Nftables {
  /**
   * Makes the table as wanted and says what differed; an empty list means that nothing was written. "look" compares with
   * the kernel; "glance" compares chains and sets with the kernel, but elements with what was written; "trust" compares
   * with what was written. What was never looked at is looked at, whatever is asked for.
   */
  sync(wanted: NftTable, how: NftLook, signal?: AbortSignal): Promise<readonly string[]>;
  /** Removes the table; says whether it was there. */
  remove(signal?: AbortSignal): Promise<readonly string[]>;
}

export type NftLook = "look" | "glance" | "trust";

export interface NftablesConfig {
  readonly family: Family;
  /** The table, the owner's own. */
  readonly name: string;
}

export function createNftables(config: NftablesConfig, ports: { readonly tool: NftTool }): Nftables {
  const { tool } = ports;
  /** What the kernel holds as far as we know; undefined while we do not. */
  let known: { readonly state: NftState | undefined } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inRow = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };

  const look = async (how: NftLook, signal?: AbortSignal): Promise<NftState | undefined> => {
    if (known && how === "trust") return known.state;
    const terse = known?.state !== undefined && how === "glance";
    const text = await tool.list(config, terse, signal);
    if (text === undefined) return undefined;
    const seen = parseNftList(text, terse);
    return terse && known?.state ? withElements(seen, known.state) : seen;
  };
  const write = async (
    wanted: NftState | undefined,
    how: NftLook,
    signal?: AbortSignal,
  ): Promise<readonly string[]> => {
    const changes = planNftChanges(config, wanted, await look(how, signal));
    known = undefined;
    if (changes.text !== "") await tool.apply(changes.text, signal);
    known = { state: wanted };
    return changes.because;
  };

  return {
    sync(wanted, how, signal) {
      if (wanted.family !== config.family || wanted.name !== config.name)
        throw new Error(`table ${wanted.family} ${wanted.name} is not this owner's`);
      return inRow(() => write(nftState(wanted), how, signal));
    },
    remove: (signal) =>
      inRow(async () => {
        try {
          return await write(undefined, "look", signal);
        } catch (error) {
          // Where the tool is missing, nothing of ours can be there.
          if (error instanceof NetfilterError && error.code === "tool-missing") return [];
          throw error;
        }
      }),
  };
}

function withElements(seen: NftState, known: NftState): NftState {
  return {
    chains: seen.chains,
    sets: new Map(
      [...seen.sets].map(([name, set]) => [name, { ...set, elements: known.sets.get(name)?.elements ?? new Map() }]),
    ),
  };
}
