// What the tool remembers between its runs, as one file in the lab's directory. It is written before anything is made, so
// that whatever a crash leaves behind can be found.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachinePlace, Topology } from "../core/topology.ts";
import { LabError } from "../errors.ts";

/** One direction between two machines, by their names. */
export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface LabState {
  readonly topology: Topology;
  readonly machines: readonly MachinePlace[];
  /** Every machine has the iptables from before nf_tables. */
  readonly legacyIptables?: boolean;
  /** Names of machines; frames from the first to the second are dropped. */
  readonly cuts: readonly Link[];
}

export async function readState(directory: string): Promise<LabState | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, "lab.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LabError("bad-directory", `the lab's state in ${directory} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return JSON.parse(text) as LabState;
}

export async function writeState(directory: string, state: LabState): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, "lab.json");
  await writeFile(`${file}.new`, JSON.stringify(state, null, 2));
  await rename(`${file}.new`, file);
}
