// Runs one command of the machine with a text as its input; a failure says what the command said.
import { spawn } from "node:child_process";

/** What the command printed. */
export function command(words: readonly string[], input: string, signal?: AbortSignal): Promise<string> {
  const [name = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ["pipe", "pipe", "pipe"], ...(signal ? { signal } : {}) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", (cause) => reject(new Error(`${name} cannot be run: ${cause.message}`, { cause })));
    child.on("close", (code) => {
      if (code === 0) return resolve(Buffer.concat(out).toString("utf8"));
      const said = Buffer.concat(err).toString("utf8").trim().split("\n")[0] ?? "";
      reject(new Error(`${words.join(" ")} ended with ${code ?? "a signal"}: ${said}`));
    });
    // It may end before it has read everything; its exit code tells the reason better than a broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
