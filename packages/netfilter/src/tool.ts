// The only caller of the packet filter's command line: `iptables-save` to read, `iptables-restore` to write.
// It waits for the tool's lock and knows nothing of what the rules mean.
import { spawn } from "node:child_process";
import { NetfilterError } from "./errors.ts";
import type { Family, TableName } from "./rule.ts";

/** The kernel's tables as text. Calls must not overlap on the caller's side; the lock makes strangers wait. */
export interface Tool {
  /** `iptables-save` of one table, or of all. */
  save(table: TableName | undefined, signal?: AbortSignal): Promise<string>;
  /** The rules of one chain without its name, as `save` has them; undefined when there is no such chain. */
  chain(table: TableName, chain: string, signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /** `iptables-restore --noflush`: each table of the text takes effect whole or not at all. */
  restore(text: string, signal?: AbortSignal): Promise<void>;
}

export interface ToolConfig {
  readonly family: Family;
  /** How long to wait for the lock that every user of the tool takes, in seconds. */
  readonly waitSeconds: number;
  /** Words before the command, for example to enter a network namespace. */
  readonly prefix?: readonly string[];
}

export function createTool(config: ToolConfig): Tool {
  const name = config.family === "ipv4" ? "iptables" : "ip6tables";
  const call = (command: string, args: readonly string[], input: string, signal?: AbortSignal): Promise<string> =>
    runTool([...(config.prefix ?? []), command, ...args], input, signal);
  return {
    save: (table, signal) => call(`${name}-save`, table ? ["-t", table] : [], "", signal),
    async chain(table, chain, signal) {
      try {
        const text = await call(name, ["-w", String(config.waitSeconds), "-t", table, "-S", chain], "", signal);
        const rules = text.split("\n").filter((line) => line.startsWith("-A "));
        return rules.map((line) => line.slice(`-A ${chain} `.length));
      } catch (error) {
        if (error instanceof NetfilterError && error.code === "tool-refused") return undefined;
        throw error;
      }
    },
    async restore(text, signal) {
      await call(`${name}-restore`, ["--noflush", "-w", String(config.waitSeconds)], text, signal);
    },
  };
}

/** Runs one command of the machine with a text as its input and gives what it prints; its refusal is a `NetfilterError`. */
export async function runTool(words: readonly string[], input: string, signal?: AbortSignal): Promise<string> {
  return (await runToolFully(words, input, signal)).out;
}

/** As `runTool`, with what it complained about although it ended well. */
export function runToolFully(
  words: readonly string[],
  input: string,
  signal?: AbortSignal,
): Promise<{ readonly out: string; readonly err: string }> {
  const [command = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...(signal ? { signal } : {}) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", (cause: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason as Error);
      else if (cause.code === "ENOENT")
        reject(new NetfilterError("tool-missing", `${command} is not installed`, { cause }));
      else reject(new NetfilterError("tool-failed", `${command} cannot be run: ${cause.message}`, { cause }));
    });
    child.on("close", (code) => {
      const complaint = Buffer.concat(err).toString("utf8");
      if (code === 0) resolve({ out: Buffer.concat(out).toString("utf8"), err: complaint });
      else reject(refusal(command, code, complaint, input));
    });
    // The tool may end before it has read everything; its exit code tells the reason better than a broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** The tool names a line of its input: the message quotes it. */
function refusal(command: string, code: number | null, stderr: string, input: string): NetfilterError {
  const line = /(?:line:? |stdin:|failed -:)(\d+)/.exec(stderr)?.[1];
  const quoted = line ? input.split("\n")[Number(line) - 1] : undefined;
  const text = stderr.trim().split("\n")[0] ?? "";
  return new NetfilterError(
    "tool-refused",
    `${command} ended with ${code ?? "a signal"}: ${text}${quoted ? ` (${quoted})` : ""}`,
  );
}
