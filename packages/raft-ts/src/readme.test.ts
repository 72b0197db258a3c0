// The README's example is a program: it runs as it stands and prints what stands below it.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("prints what the README says", { timeout: 60_000 }, async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, program = "", output = ""] = /```ts\n(.*?)```\n\n```text\n(.*?)```/s.exec(readme) ?? [];
  const directory = await mkdtemp(join(tmpdir(), "raft-readme-"));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, program.replaceAll('"raft-ts"', JSON.stringify(new URL("index.ts", import.meta.url).href)));
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    expect(stdout).toBe(output);
  } finally {
    await rm(directory, { recursive: true });
  }
});
