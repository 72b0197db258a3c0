// Cuts ports of a bridge from each other by rules on the bridge itself (`ebtables`): everything is dropped, whatever its
// address or protocol. One chain, named by the owner; foreign rules are not touched.
import { NetfilterError } from "./errors.ts";
import { runTool } from "./tool.ts";

export interface BridgeFilter {
  /** Frames that come in by `from` do not go out by `to`, for all pairs from one moment on; what was cut before and is not named is joined again. */
  cut(pairs: readonly CutPair[], signal?: AbortSignal): Promise<void>;
  /** Joins everything again and removes the chain; harmless when it is not there. */
  remove(signal?: AbortSignal): Promise<void>;
}

export interface CutPair {
  readonly from: string;
  readonly to: string;
}

export function createBridgeFilter(config: { readonly chain: string }): BridgeFilter {
  const { chain } = config;
  const call = (args: readonly string[], signal?: AbortSignal): Promise<string> =>
    runTool(["ebtables", "--concurrent", "-t", "filter", ...args], "", signal);
  const forwardRules = async (signal?: AbortSignal): Promise<string> => call(["-L", "FORWARD"], signal);
  const exists = (signal?: AbortSignal): Promise<boolean> =>
    call(["-L", chain], signal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof NetfilterError && error.code === "tool-refused") return false;
        throw error;
      },
    );
  return {
    async cut(pairs, signal) {
      const rules = pairs.map(({ from, to }) => `-A ${chain} -i ${from} -o ${to} -j DROP\n`).join("");
      const text = `*filter\n:${chain} RETURN\n-F ${chain}\n${rules}COMMIT\n`;
      await runTool(["ebtables-restore", "--noflush"], text, signal);
      if (!(await forwardRules(signal)).includes(`-j ${chain}`)) await call(["-I", "FORWARD", "-j", chain], signal);
    },
    async remove(signal) {
      try {
        if (!(await exists(signal))) return;
      } catch (error) {
        // Where the tool is missing, nothing of ours can be there.
        if (error instanceof NetfilterError && error.code === "tool-missing") return;
        throw error;
      }
      if ((await forwardRules(signal)).includes(`-j ${chain}`)) await call(["-D", "FORWARD", "-j", chain], signal);
      await call(["-F", chain], signal);
      await call(["-X", chain], signal);
    },
  };
}
