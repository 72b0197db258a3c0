// The kernel's log, read without waiting: each call gives the records since the last. Where it may not be read, none come.
import { closeSync, constants, openSync, readSync } from "node:fs";

export interface KernelLog {
  /** Records since the last call; the first call passes over what is old. */
  readNew(): readonly string[];
  close(): void;
  /** Why there will be no records; undefined when there will. */
  readonly missing: string | undefined;
}

const longestRecord = 8_192;

export function openKernelLog(path = "/dev/kmsg"): KernelLog {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { readNew: () => [], close: () => undefined, missing: (error as Error).message };
  }
  const buffer = Buffer.alloc(longestRecord);
  const read = (): readonly string[] => {
    const records: string[] = [];
    for (;;) {
      try {
        const length = readSync(file, buffer, 0, buffer.length, null);
        if (length === 0) return records;
        records.push(buffer.toString("utf8", 0, length));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        // EPIPE: some were overwritten before they were read; go on with the oldest that is left.
        if (code === "EPIPE") continue;
        if (code === "EAGAIN") return records;
        throw error;
      }
    }
  };
  read();
  return { readNew: read, close: () => closeSync(file), missing: undefined };
}
