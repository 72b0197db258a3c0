// The local link that carries the cluster's DNS address, so that pods' questions end on their own node: no translation,
// no connection tracking, no other node. Known as ours by its name and its alias.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StartError } from "@coxswain/daemon";

export interface AddressLink {
  /** Makes the link and gives it the address; harmless when both are there. */
  ensure(signal: AbortSignal): Promise<void>;
  /** Removes the link and the address with it; harmless when it is not there. Says whether it was. */
  remove(): Promise<boolean>;
}

const alias = "coxswain: the cluster's DNS address on this node";

export function createAddressLink(config: { readonly name: string; readonly address: string }): AddressLink {
  const { name, address } = config;
  const ip = async (args: readonly string[], signal?: AbortSignal): Promise<string> => {
    const { stdout } = await promisify(execFile)("ip", [...args], signal ? { signal } : {});
    return stdout;
  };
  const exists = async (signal?: AbortSignal): Promise<boolean> =>
    ip(["link", "show", "dev", name], signal).then(
      () => true,
      () => false,
    );
  return {
    async ensure(signal) {
      try {
        if (!(await exists(signal))) {
          // A bridge without members does the same where the kernel has no dummy links.
          await ip(["link", "add", name, "type", "dummy"], signal).catch(() =>
            ip(["link", "add", name, "type", "bridge"], signal),
          );
          await ip(["link", "set", name, "alias", alias], signal);
        }
        await ip(["address", "replace", `${address}/32`, "dev", name], signal);
        await ip(["link", "set", name, "up"], signal);
      } catch (cause) {
        throw new StartError(`the address ${address} cannot be put on link ${name}: ${lastLine(cause)}`, { cause });
      }
    },
    async remove() {
      if (!(await exists())) return false;
      const shown = await ip(["link", "show", "dev", name]);
      if (!shown.includes(alias)) throw new StartError(`the link ${name} is not ours and stays`);
      await ip(["link", "delete", name]);
      return true;
    },
  };
}

function lastLine(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr?.split("\n").at(-1) ?? (error as Error).message;
}
