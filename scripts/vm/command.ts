// Another program, to its end: its output, or one sentence of what it said instead.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Failure } from "../cluster/failure.ts";

const execute = promisify(execFile);

export async function must(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  try {
    return (await execute(program, [...args], { ...options, maxBuffer: 64 << 20 })).stdout;
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    const said = stderr.trim().split("\n").at(-1) ?? "";
    throw new Failure(`${program} ${args[0] ?? ""}: ${said === "" ? String(error) : said}`, { cause: error });
  }
}
