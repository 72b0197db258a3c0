// `npm test`: checks the sources, brings what the tests need, runs every test, and ends with `N passed, N failed`.
// `npm test -- unit` runs only what needs no root, no Docker and no network namespace.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { runChecks } from "./checks.ts";
import { aptInstall, findDocker, installDocker, startDocker, stopDocker } from "./cluster/docker.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { buildImages, loadImages } from "./cluster/images.ts";
import { projectRoot } from "./cluster/layout.ts";

const projects: readonly string[] = ["unit", "protocol", "system"];

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

await runScript(async () => {
  const only = process.argv.slice(2);
  for (const name of only)
    if (!projects.includes(name))
      throw new Failure(`there are the tests ${projects.join(", ")}; found ${JSON.stringify(name)}`);
  const wants = (name: string): boolean => only.length === 0 || only.includes(name);
  let [passed, failed, skipped] = [0, 0, 0];
  const skips: string[] = [];
  const failures: string[] = [];

  if (wants("unit")) {
    for (const check of await runChecks()) {
      process.stdout.write(`${check.passed ? "✓" : "✗"} ${check.name} (${(check.durationMs / 1000).toFixed(1)} s)\n`);
      if (check.passed) {
        passed++;
        continue;
      }
      process.stdout.write(`${check.output}\n`);
      failures.push(`${check.name}\n${check.output}`);
      failed++;
    }
  }
  const root = process.getuid?.() === 0;
  const engine = root ? await bringTools() : undefined;
  for (const project of projects.filter(wants)) {
    if (project !== "unit" && !root)
      throw new Failure(`the ${project} tests manage containers, routes and rules: run them as root`);
    const report = runVitest(project);
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    skipped += report.numPendingTests + report.numTodoTests;
    for (const file of report.testResults) {
      // A file that does not even load has no tests that could fail.
      if (file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed")) {
        failed++;
        failures.push(`${file.name}\n${file.message}`);
      }
      for (const test of file.assertionResults) {
        if (test.status === "pending" || test.status === "skipped") skips.push(test.fullName);
        if (test.status === "failed")
          failures.push(`${relative(projectRoot, file.name)}: ${test.fullName}\n${test.failureMessages.join("\n")}`);
      }
    }
  }
  if (engine !== undefined) await stopDocker(engine);
  for (const name of skips) process.stdout.write(`skipped: ${name}\n`);
  // Once more at the end: a log of half an hour is read from there, and often only that much of it is kept.
  for (const failure of failures) process.stdout.write(`failed: ${failure}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
});

/**
 * What the tests use for real: Docker with our images, etcd as the peer of our store, a kubectl. Answers the process id of
 * the engine that was started for them, where none was running.
 */
async function bringTools(): Promise<number | undefined> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  installDocker(say);
  installClients(say);
  const cache = join(projectRoot, ".cache");
  const engine = (await findDocker()) ?? (await startDocker(join(cache, "test-docker"), "test-docker"));
  await loadImages(engine.socket, await buildImages(join(cache, "images"), say), say);
  return engine.startedPid;
}

function installClients(say: (text: string) => void): void {
  const missing = [
    ...(hasCommand("etcd", ["--version"]) ? [] : ["etcd-server"]),
    ...(hasCommand("etcdctl", ["version"]) ? [] : ["etcd-client"]),
    ...(hasCommand("kubectl", ["version", "--client"]) ? [] : ["kubernetes-client"]),
    ...(hasCommand("/bin/busybox", ["true"]) ? [] : ["busybox-static"]),
    ...(succeeds("/usr/bin/python3", ["-c", "import kubernetes"]) ? [] : ["python3-kubernetes"]),
  ];
  if (missing.length === 0) return;
  say(`installing ${missing.join(", ")} for the tests`);
  aptInstall(missing);
}

function hasCommand(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args).error === undefined;
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function runVitest(project: string): Report {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-test-"));
  const report = join(folder, "report.json");
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile=${report}`];
  try {
    spawnSync(process.execPath, args, { cwd: projectRoot, stdio: ["ignore", "inherit", "inherit"] });
    return JSON.parse(readFileSync(report, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
