import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseFlags } from "@coxswain/daemon";
import { flags, parseConfig } from "./config.ts";
import type { SchedulerConfig } from "./config.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "coxswain-scheduler-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function configure(text: string | undefined, ...argv: readonly string[]): SchedulerConfig {
  const file = join(dir, "scheduler.yaml");
  if (text !== undefined) writeFileSync(file, text);
  const given = text === undefined ? [] : [`--config=${file}`];
  return parseConfig(parseFlags(flags, ["--secure-port=0", ...given, ...argv]));
}

const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

describe("the scheduler's configuration", () => {
  test("comes from flags alone, or from a file whose word goes before the flags'", () => {
    const plain = configure(undefined, "--kubeconfig=k", "--scheduler-name=mine");
    expect(plain.scheduling.profiles.map(({ schedulerName }) => schedulerName)).toEqual(["mine"]);
    expect(plain.leaderElection?.leaseDurationMs).toBe(15_000);
    const filed = configure(
      `${head}clientConnection: {kubeconfig: from-file}\nleaderElection: {leaderElect: false}\nprofiles: [{schedulerName: a}, {schedulerName: b}]\n`,
      "--scheduler-name=ignored",
    );
    expect([filed.kubeconfig, filed.leaderElection]).toEqual(["from-file", undefined]);
    expect(filed.scheduling.profiles.map(({ schedulerName }) => schedulerName)).toEqual(["a", "b"]);
  });

  test("is refused with the file and every wrong field named", () => {
    const text = `${head}parallelism: 0\nprofiles: [{plugins: {score: {enabled: [{name: Guess}]}}}]\n`;
    expect(() => configure(text, "--kubeconfig=k")).toThrow(
      /^--config: .*scheduler\.yaml: parallelism: Invalid value: 0: should be an integer value greater than zero; profiles\[0\]\.plugins\.score\.enabled\[0\]\.name: Invalid value: "Guess": plugin "Guess" does not exist/,
    );
  });

  test("is refused when the file is not there, or is no YAML", () => {
    expect(() => parseConfig(parseFlags(flags, ["--secure-port=0", `--config=${join(dir, "nothing")}`]))).toThrow(
      /^--config: .*nothing cannot be read: ENOENT/,
    );
    expect(() => configure("a: [", "--kubeconfig=k")).toThrow(/^--config: .*scheduler\.yaml cannot be read: /);
  });
});
