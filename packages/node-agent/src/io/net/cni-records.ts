// What is written down of each sandbox on a CNI network, from before it is added until it has been taken away: an agent that is killed finds it again.
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@coxswain/daemon";
import { isRecord, parseCniConfig } from "../../core/network/cni.ts";
import type { CniAttachment, CniNetworkConfig } from "../../core/network/cni.ts";

export interface CniRecord {
  /** As it was when the sandbox was added, in the version that was spoken. */
  readonly network: CniNetworkConfig;
  readonly attachment: CniAttachment;
  /** Which namespace it was: its number may be another process's by now. */
  readonly namespace: string;
  /** Missing while it is being added. */
  readonly result?: unknown;
  /** The plugins have confirmed it at least once. */
  readonly checked?: boolean;
}

export interface CniRecords {
  /** Reads what a former agent has written; the first time only. */
  open(): Promise<void>;
  readonly all: ReadonlyMap<string, CniRecord>;
  /** On the disk when it resolves. */
  keep(record: CniRecord): Promise<void>;
  forget(id: string): Promise<void>;
  /** With their directory. */
  remove(): Promise<void>;
}

export function createCniRecords(directory: string, log: Logger): CniRecords {
  const all = new Map<string, CniRecord>();
  let opened: Promise<void> | undefined;
  const fileOf = (id: string): string => join(directory, `${id}.json`);
  const read = async (): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o750 });
    for (const name of await readdir(directory)) {
      if (!name.endsWith(".json")) continue;
      const record = recordIn(await readFile(join(directory, name), "utf8"));
      if (record) all.set(record.attachment.sandboxId, record);
      else log.warn({ object: name }, "what was kept of a sandbox's network cannot be read");
    }
  };
  return {
    all,
    open: () =>
      (opened ??= read().catch((error: unknown) => {
        opened = undefined;
        throw error;
      })),
    async keep(record) {
      const id = record.attachment.sandboxId;
      all.set(id, record);
      await writeFile(`${fileOf(id)}.new`, JSON.stringify(record), { mode: 0o600 });
      await rename(`${fileOf(id)}.new`, fileOf(id));
    },
    async forget(id) {
      await rm(fileOf(id), { force: true });
      all.delete(id);
    },
    async remove() {
      await rm(directory, { recursive: true, force: true });
      opened = undefined;
    },
  };
}

function recordIn(text: string): CniRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || !isRecord(value["attachment"]) || typeof value["namespace"] !== "string") return undefined;
    const { sandboxId, netns, args, runtimeConfig } = value["attachment"];
    if (typeof sandboxId !== "string" || typeof netns !== "string" || typeof args !== "string") return undefined;
    return {
      network: parseCniConfig(JSON.stringify(value["network"])),
      attachment: { sandboxId, netns, args, runtimeConfig: isRecord(runtimeConfig) ? runtimeConfig : {} },
      namespace: value["namespace"],
      ...("result" in value ? { result: value["result"] } : {}),
      ...(value["checked"] === true ? { checked: true } : {}),
    };
  } catch {
    return undefined;
  }
}
