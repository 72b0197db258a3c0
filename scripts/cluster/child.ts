// One program in the foreground in our place: it has our terminal, and its end is ours.
import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Runs a TypeScript file with this Node until it ends and answers its exit code, 128 + the signal's number where one
 * ended it. A terminal's Ctrl-C reaches the child by itself; SIGTERM is passed on.
 */
export function runInForeground(entry: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [entry, ...args], { stdio: "inherit" });
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
}
