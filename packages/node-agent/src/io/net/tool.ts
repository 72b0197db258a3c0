// Runs one tool of the machine (ip, nsenter, mount) to its end. Arguments are a list; no shell reads them.
import { spawn } from "node:child_process";
import { AgentError } from "../../errors.ts";

const mostOutputBytes = 4 << 20;

/** Resolves with the standard output; a code other than 0 is an error with what the tool said. */
export function runTool(command: string, args: readonly string[], input = "", signal?: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, [...args], { stdio: ["pipe", "pipe", "pipe"], ...(signal ? { signal } : {}) });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(0, mostOutputBytes)));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(0, mostOutputBytes)));
  child.on("error", (cause) => reject(new AgentError("tool", `${command} could not be run: ${cause.message}`, cause)));
  child.on("close", (code) => {
    if (code === 0) resolve(output);
    else reject(new AgentError("tool", `${command} ${args.join(" ")} ended with ${String(code)}: ${errors.trim()}`));
  });
  // A tool that ends before it has read everything closes the pipe; its exit code says what that meant.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return promise;
}

/** Several `ip` commands in one process, all or as far as it comes. */
export async function ipBatch(lines: readonly string[], netnsPid?: number, signal?: AbortSignal): Promise<void> {
  const text = `${lines.join("\n")}\n`;
  if (netnsPid === undefined) await runTool("ip", ["-batch", "-"], text, signal);
  else await runTool("nsenter", [`--net=/proc/${netnsPid}/ns/net`, "ip", "-batch", "-"], text, signal);
}
