// The only caller of `nft`. It knows nothing of what the text means.
import { NetfilterError } from "../errors.ts";
import type { Family } from "../rule.ts";
import { runTool } from "../tool.ts";
import { nftFamily } from "./render.ts";

export interface NftTool {
  /** `nft -s list table`; undefined when there is no such table. Terse text leaves elements out. */
  list(
    table: { readonly family: Family; readonly name: string },
    terse: boolean,
    signal?: AbortSignal,
  ): Promise<string | undefined>;
  /** `nft -f`: the whole text takes effect or nothing of it. */
  apply(text: string, signal?: AbortSignal): Promise<void>;
}

/** `prefix` are words before the command, for example to enter a network namespace. */
export function createNftTool(config: { readonly prefix?: readonly string[] } = {}): NftTool {
  const command = [...(config.prefix ?? []), "nft"];
  return {
    async list({ family, name }, terse, signal) {
      try {
        const flags = terse ? ["-s", "-t"] : ["-s"];
        return await runTool([...command, ...flags, "list", "table", nftFamily(family), name], "", signal);
      } catch (error) {
        if (error instanceof NetfilterError && /No such file or directory/.test(error.message)) return undefined;
        throw error;
      }
    },
    async apply(text, signal) {
      await runTool([...command, "-f", "-"], text, signal);
    },
  };
}
