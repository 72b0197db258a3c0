// The checks of the sources that need no running system, as a list of commands.
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { projectRoot } from "./cluster/layout.ts";

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly durationMs: number;
}

const bin = (name: string): string => join(projectRoot, "node_modules", ".bin", name);

const checks: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "types", command: [bin("tsc"), "-p", "."] },
  { name: "lint", command: [bin("oxlint"), "--type-aware", "--deny-warnings"] },
  {
    name: "dead code",
    command: [bin("knip"), "--no-progress", "--include", "files,exports,dependencies,unlisted,unresolved"],
  },
];
const formatting = [bin("prettier"), "--check", "--log-level=warn", "packages", "scripts", "test", "bench"];

export async function runChecks(): Promise<readonly CheckResult[]> {
  // The formatter takes as long as all others together, on one core.
  const formatted = run("formatting", formatting);
  const results: CheckResult[] = [];
  for (const check of checks) results.push(await run(check.name, check.command));
  return [...results, await formatted];
}

async function run(name: string, [command = "", ...args]: readonly string[]): Promise<CheckResult> {
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { name, passed: code === 0, output: `${out}${err}`.trim(), durationMs: performance.now() - startedAt };
}
