// Runs a command of the computer and waits for its end.
import { execFile } from "node:child_process";
import { LabError } from "../errors.ts";

export function command(words: readonly string[], signal?: AbortSignal): Promise<string> {
  const [file = "", ...args] = words;
  return new Promise((resolve, reject) => {
    execFile(file, args, signal ? { signal } : {}, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (signal?.aborted) return reject(signal.reason as Error);
      if (error.code === "ENOENT")
        return reject(new LabError("tool-missing", `${file} is not installed`, { cause: error }));
      reject(
        new LabError("tool-failed", `${words.join(" ")}: ${stderr.trim().split("\n").at(-1) || error.message}`, {
          cause: error,
        }),
      );
    });
  });
}

/** Whether the command ended well. */
export function succeeds(words: readonly string[], signal?: AbortSignal): Promise<boolean> {
  return command(words, signal).then(
    () => true,
    (error: unknown) => {
      if (error instanceof LabError && error.code === "tool-failed") return false;
      throw error;
    },
  );
}
