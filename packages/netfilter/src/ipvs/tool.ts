// The only caller of `ipvsadm`. It knows nothing of what the lines mean.
import { NetfilterError } from "../errors.ts";
import { runTool, runToolFully } from "../tool.ts";

export interface IpvsTool {
  /** `ipvsadm -Ln`. The tool loads the kernel's module if it is there and not loaded. */
  list(signal?: AbortSignal): Promise<string>;
  /** `ipvsadm -R`: line by line. Fails if one of them was refused; those beside it may be in force. */
  apply(text: string, signal?: AbortSignal): Promise<void>;
  /** Whether the kernel's module is in use; asking does not load it. */
  isLoaded(signal?: AbortSignal): Promise<boolean>;
}

/** `prefix` are words before the command, for example to enter a network namespace. */
export function createIpvsTool(config: { readonly prefix?: readonly string[] } = {}): IpvsTool {
  const prefix = config.prefix ?? [];
  return {
    list: (signal) => runTool([...prefix, "ipvsadm", "-Ln"], "", signal),
    async apply(text, signal) {
      // The exit code is that of the last line alone.
      const { err } = await runToolFully([...prefix, "ipvsadm", "-R"], text, signal);
      if (err.trim() !== "") throw new NetfilterError("tool-refused", `ipvsadm: ${err.trim().split("\n")[0]}`);
    },
    async isLoaded(signal) {
      try {
        await runTool([...prefix, "test", "-e", "/proc/net/ip_vs"], "", signal);
        return true;
      } catch (error) {
        if (error instanceof NetfilterError && error.code === "tool-refused") return false;
        throw error;
      }
    },
  };
}
