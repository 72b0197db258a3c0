// The bundle of the command line answers as its sources do, and gives way to them when they change.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleCox } from "../../scripts/cluster/cox-bundle.ts";
import { projectRoot } from "../../scripts/cluster/layout.ts";

describe("the bundle of cox", () => {
  let project: string;
  beforeAll(async () => {
    // The sources without the packages that they import: what runs here runs from the bundle.
    project = mkdtempSync(join(tmpdir(), "coxswain-bundle-"));
    const dist = join(project, "packages", "cox", "dist");
    await bundleCox(dist);
    const sources = JSON.parse(readFileSync(join(dist, "sources.json"), "utf8")) as Record<string, number>;
    for (const path of ["packages/cox/bin/cox.cjs", ...Object.keys(sources)])
      cpSync(join(projectRoot, path), join(project, path), { preserveTimestamps: true });
  }, 60_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  const run = (entry: string, ...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...words], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const bundled = (...words: string[]) => run(join(project, "packages/cox/bin/cox.cjs"), ...words);
  const fromSources = (...words: string[]) => run(join(projectRoot, "packages/cox/src/main.ts"), ...words);

  it.each([
    [["--help"]],
    [["get", "pods", "--server=http://127.0.0.1:1", "--kubeconfig="]],
    [["drill", "--help"]],
    [["plan"]],
  ])("answers %j as the sources do", (words) => {
    expect(bundled(...words)).toEqual(fromSources(...words));
  });

  it("is left aside when a source has changed", () => {
    writeFileSync(join(project, "packages/cox/src/main.ts"), 'process.stdout.write("from the sources\\n");\n');
    expect(bundled("get", "pods")).toEqual({ status: 0, stdout: "from the sources\n", stderr: "" });
  });
});
