// Makes one owner's part of the kernel's tables as wanted: read, compare, write what differs. Foreign chains and rules
// are neither read into the comparison nor written. The kernel is the truth; a caller in a hurry may have it trust what it
// wrote last. When to look is the caller's choice; two calls at once are put in a row.
import { planChanges } from "./changes.ts";
import { asObserved, parseSave } from "./observed.ts";
import type { Observed, Owned } from "./observed.ts";
import type { Ruleset, TableName } from "./rule.ts";
import type { Tool } from "./tool.ts";

export interface Netfilter {
  /**
   * Makes the tables as wanted and says what differed; an empty list means that nothing was written. "trust" compares
   * with what was written last, where that is known, instead of reading the kernel; "glance" does so if a sample of the
   * kernel's chains (the shortest of each table) is as it was written.
   */
  sync(wanted: Ruleset, signal?: AbortSignal, how?: "look" | "glance" | "trust"): Promise<readonly string[]>;
  /** Removes every chain and hook of ours from all tables; says what was there. */
  remove(signal?: AbortSignal): Promise<readonly string[]>;
  /** What is there of ours. */
  read(signal?: AbortSignal): Promise<Observed>;
}

export interface NetfilterConfig {
  /** Which chains belong to the caller, and with them the hooks that jump to them. */
  readonly owned: Owned;
  /** Foreign chains whose hooks ours must come before; of all others our hooks may stand anywhere. */
  readonly before?: Owned;
  /** The tables the owner may ever have rules in; others are neither read nor cleaned. */
  readonly tables: readonly TableName[];
}

export function createNetfilter(config: NetfilterConfig, ports: { readonly tool: Tool }): Netfilter {
  const { tool } = ports;
  let last: Promise<unknown> = Promise.resolve();
  let written: Observed | undefined;
  const inRow = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };

  const read = async (signal?: AbortSignal): Promise<Observed> => {
    const texts: string[] = [];
    for (const table of config.tables) texts.push(await tool.save(table, signal));
    return parseSave(texts.join(""), config.owned, config.before);
  };
  const write = async (wanted: Observed, signal?: AbortSignal, known?: Observed): Promise<readonly string[]> => {
    const changes = planChanges(wanted, known ?? (await read(signal)));
    written = undefined;
    if (changes.text !== "") await tool.restore(changes.text, signal);
    written = wanted;
    return changes.because;
  };

  /** Who flushes a table or takes our hooks away does not spare its shortest chain with rules. */
  const isIntact = async (known: Observed, signal?: AbortSignal): Promise<boolean> => {
    for (const [table, { chains, hooks }] of known) {
      const [sample] = [...chains].filter(([, rules]) => rules.length > 0).sort(([, a], [, b]) => a.length - b.length);
      if (sample && (await tool.chain(table, sample[0], signal))?.join("\n") !== sample[1].join("\n")) return false;
      for (const hook of new Set(hooks.map((each) => each.hook))) {
        const present = new Set(await tool.chain(table, hook, signal));
        if (hooks.some((each) => each.hook === hook && !present.has(each.rule))) return false;
      }
    }
    return true;
  };

  return {
    sync(wanted, signal, how = "look") {
      refuseForeign(wanted, config);
      return inRow(async () => {
        const trusted =
          how === "trust" || (how === "glance" && written !== undefined && (await isIntact(written, signal)));
        return write(asObserved(wanted), signal, trusted ? written : undefined);
      });
    },
    remove: (signal) => inRow(() => write(new Map(), signal)),
    read: (signal) => inRow(() => read(signal)),
  };
}

/** A ruleset with chains that the owner test does not claim could never be removed again. */
function refuseForeign(wanted: Ruleset, config: NetfilterConfig): void {
  for (const table of wanted.tables) {
    if (!config.tables.includes(table.name)) throw new Error(`table ${table.name} is not among this owner's tables`);
    const stray = table.chains.find((chain) => !config.owned(chain.name)) ?? undefined;
    if (stray) throw new Error(`chain ${stray.name} is not one of this owner's`);
    const hook = table.hooks.find(({ rule }) => !config.owned(rule.target.chain));
    if (hook)
      throw new Error(`a hook of ${hook.hook} jumps to ${hook.rule.target.chain}, which is not one of this owner's`);
  }
}
