// The cluster as a whole dies and comes back: data and containers outlive every process of ours.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { attach, run, script } from "./cluster.ts";

const dataDir = mkdtempSync(join(tmpdir(), "coxswain-restart-"));
const cluster = attach(dataDir);
const start = () => script("start", ["--detach", "--data-dir", dataDir]);
const containers = async (): Promise<string[]> =>
  (await run("docker", ["ps", "-q", "--filter", "label=io.kubernetes.container.name=web"])).stdout
    .trim()
    .split("\n")
    .sort();
const facts = (): Promise<string> =>
  cluster.must([
    "-n",
    "demo",
    "get",
    "configmap,service,deployment",
    "-o",
    "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{'\\n'}{end}",
  ]);

// What some other cluster left on this machine is not this cluster's to take away: all is compared with what was there before.
const ourLinks = async (): Promise<string[]> =>
  (await run("ip", ["-br", "link"])).stdout.split("\n").filter((line) => line.startsWith("cox"));
const ourRules = async (): Promise<string[]> =>
  (await run("iptables-save", [])).stdout.split("\n").filter((line) => /^-A.*(?:KUBE-|COX-)/.test(line));
const ourContainers = async (): Promise<string[]> =>
  (await run("docker", ["ps", "-aq", "--filter", "label=coxswain.io/kind"])).stdout.split("\n").sort();

afterAll(async () => {
  await script("stop", ["--data-dir", dataDir]);
  rmSync(dataDir, { recursive: true, force: true });
});

describe("a cluster", () => {
  it("adopts the running containers after a kill -9 of everything, and leaves nothing after a stop", async () => {
    const [links, rules, sandboxes] = [await ourLinks(), await ourRules(), await ourContainers()];
    expect(await start()).toMatchObject({ code: 0 });
    expect(await ourLinks()).not.toEqual(links);
    expect(await ourRules()).not.toEqual(rules);
    const [before, objects] = [await containers(), await facts()];
    const supervisor = cluster.supervisorPid();
    for (const pid of [supervisor, ...Object.values(cluster.pids())]) process.kill(pid, "SIGKILL");

    expect(await start()).toMatchObject({ code: 0 });
    expect({ containers: await containers(), objects: await facts() }).toEqual({ containers: before, objects });

    expect(await script("stop", ["--data-dir", dataDir])).toMatchObject({ code: 0 });
    expect(await ourLinks()).toEqual(links);
    expect(await ourRules()).toEqual(rules);
    expect(await ourContainers()).toEqual(sandboxes);

    expect(await start()).toMatchObject({ code: 0 });
    expect(await facts()).toBe(objects);
  });

  it("prints status, logs for people and the kubeconfig's path, and is forgotten by reset", async () => {
    expect((await script("status", ["--data-dir", dataDir])).stdout).toMatch(
      /^cluster ready since .*\n\nDAEMON[\s\S]*\nstore /,
    );
    expect((await script("logs", ["--data-dir", dataDir, "scheduler"])).stdout).toMatch(
      /^\S+Z INFO {2}starting pid=\d+/m,
    );
    expect((await script("kubeconfig", ["--data-dir", dataDir])).stdout).toBe(`${cluster.kubeconfig}\n`);
    expect((await script("reset", ["--data-dir", dataDir])).code).toBe(0);
    expect(await script("status", ["--data-dir", dataDir])).toMatchObject({
      code: 3,
      stdout: `no cluster runs on ${dataDir}\n`,
    });
    expect(await script("kubeconfig", ["--data-dir", dataDir])).toMatchObject({ code: 1 });
  });
});
