// Finds a cluster's daemons on this computer by their command lines, also those inside lab machines: their processes are ours to see.
import { readFileSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import type { DaemonName } from "@coxswain/drill";

/** `marks`: words of which one is in the command line of every daemon of that machine. */
export function pidsOf(daemon: DaemonName, marks: readonly string[]): readonly number[] {
  return processes(({ words, text }) => {
    if (!/^(node|coxswain)/.test(basename(words[0] ?? ""))) return false;
    const runs =
      words.some((word) => word.endsWith(`/packages/${daemon}/src/main.ts`)) ||
      (basename(words[0] ?? "") === "coxswain" && words[1] === daemon);
    return runs && (marks.length === 0 || marks.some((mark) => text.includes(mark)));
  });
}

/** Those who stand between a lab's supervisor and a daemon: they stop with it (util-linux' nsenter does), and nobody else lets them go on. */
export function entrancesOf(daemon: DaemonName, marks: readonly string[]): readonly number[] {
  return processes(
    ({ words, text }) =>
      basename(words[0] ?? "") === "nsenter" &&
      words.some((word) => word.endsWith(`/packages/${daemon}/src/main.ts`)) &&
      marks.some((mark) => text.includes(mark)),
  );
}

export function pidsWith(program: string, mark: string): readonly number[] {
  return processes(({ words, text }) => basename(words[0] ?? "") === program && text.includes(mark));
}

/** Harmless for those that have ended. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): number {
  let reached = 0;
  for (const pid of pids)
    try {
      process.kill(pid, signal);
      reached += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  return reached;
}

function processes(
  wanted: (line: { readonly words: readonly string[]; readonly text: string }) => boolean,
): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const text = read(`/proc/${name}/cmdline`);
      return text !== "" && wanted({ words: text.split("\0"), text });
    })
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The process has ended between two looks.
    return "";
  }
}
