// Machines set up as a person sets up theirs: our image, the compose files of deploy/compose, a .env each, docker-compose 1.29. One master becomes
// three under a client that writes; the first is powered off and replaced by an empty machine; all of it is lost and restored from a backup; and a
// cluster has its store elsewhere. Each is put to the same smoke test. `npm run topologies` is the long form.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createComposeLab } from "../../scripts/cluster/compose-lab.ts";
import type { ComposeLab } from "../../scripts/cluster/compose-lab.ts";
import { externalMasters, joinMasters, joinWorkers } from "../../scripts/topologies/join.ts";
import { countOf, kubeconfigOf, livingVoters, noneLost } from "../../scripts/topologies/look.ts";
import { backUp, powerUpEmpty, replaceMaster, restoreOnto } from "../../scripts/topologies/recovery.ts";
import { smoke, until } from "../../scripts/topologies/smoke.ts";
import { startWriter } from "../../scripts/topologies/writer.ts";
import { defaultDataDir, layoutOf } from "../../scripts/cluster/layout.ts";
import { run } from "./cluster.ts";

/** Images are built and given to four engines; silent connections are given up after 45 s. */
const longMs = 600_000;
const quiet = (): void => undefined;
let lab: ComposeLab;
let dataDir = "";
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "cx-"));
  lab = await createComposeLab({ dataDir, imageDir: layoutOf(defaultDataDir).imageDir, machines: 4, say: quiet });
  await lab.up("m1", "master", { COXSWAIN_PROFILE: "fast" });
  await lab.whenReady("m1", ["m1"]);
}, longMs);
afterAll(async () => {
  const { topology } = JSON.parse(readFileSync(join(dataDir, "lab", "lab.json"), "utf8")) as {
    topology: { bridge: string };
  };
  await lab?.[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
  // Another lab may be up beside this one.
  const links = (await run("ip", ["-br", "link"])).stdout.split("\n");
  expect(links.filter((line) => line.startsWith(topology.bridge))).toEqual([]);
}, longMs);

describe("machines that are set up by compose files", () => {
  it(
    "refuse a wrong token and a wrong pin in one sentence, and join when it is right (A015)",
    async () => {
      const { COXSWAIN_CERTIFICATE_KEY: _key, ...invitation } = await lab.invitation("m1");
      const refusal = async (changes: Readonly<Record<string, string>>): Promise<string> => {
        lab.prepare("m2", "worker", { ...invitation, ...changes });
        const { code, stderr } = await lab.compose("m2", ["run", "--rm", "setup"]);
        expect(code).toBe(1);
        return stderr.split("\n").find((line) => line.startsWith("cox: ")) ?? stderr;
      };
      expect(await refusal({ COXSWAIN_TOKEN: "zzzzzz.0123456789abcdef" })).toBe(
        "cox: the cluster knows no token zzzzzz: it has expired or never was; `cox invite` on a master makes a new one",
      );
      expect(await refusal({ COXSWAIN_CA_PIN: `sha256:${"0".repeat(64)}` })).toMatch(
        /^cox: the authority of https:\S+ is sha256:\w{64}, not the pinned sha256:0{64}: it is another cluster, or somebody stands between$/,
      );
      await joinWorkers(lab, quiet, "m1", ["m2"]);
      await smoke(lab, "m1", ["m2"]);
    },
    longMs,
  );

  it(
    "go from one master to three while a client writes, and lose none of its requests (P26)",
    async () => {
      const writer = startWriter(kubeconfigOf(lab, "m1"), "promotion");
      await joinMasters(lab, quiet, "m1", ["m3", "m4"]);
      const written = await writer.stop();
      expect(written.failed).toEqual([]);
      await noneLost(lab, "m3", written);
      expect(await livingVoters(lab, "m1")).toBe(3);
    },
    longMs,
  );

  it(
    "lose no acknowledged write when the first master is powered off, and workers find the others by themselves (A112)",
    async () => {
      const writer = startWriter(kubeconfigOf(lab, "m3"), "power");
      await until("the worker knows of the masters that have joined", 60_000, async () => {
        const { masters } = JSON.parse(readFileSync(join(lab.directoryOf("m2").data, "machine.json"), "utf8")) as {
          masters: readonly object[];
        };
        return masters.length === 3 ? true : undefined;
      });
      await until("some writes", 180_000, async () => ((await countOf(lab, "m3", "power")) > 10 ? true : undefined));
      await lab.lab.off("m1");
      const before = await countOf(lab, "m3", "power");
      await until("writes go on", 180_000, async () =>
        (await countOf(lab, "m3", "power")) > before + 10 ? true : undefined,
      );
      await noneLost(lab, "m4", await writer.stop());
      // The worker knew only m1 when it joined; new work reaches it all the same.
      await lab.must("m3", ["-n", "demo", "scale", "deployment/web", "--replicas=5"]);
      await lab.must("m3", ["-n", "demo", "rollout", "status", "deployment/web", "--timeout=100s"]);
      await smoke(lab, "m4", ["m2"]);
    },
    longMs,
  );

  it(
    "take an empty machine in the place of a master that is lost: one command, learner, then voter (A016, P06)",
    async () => {
      await replaceMaster(lab, quiet, { witness: "m3", name: "m1", voters: 3 });
      await smoke(lab, "m1", ["m2"]);
    },
    longMs,
  );

  it(
    "are all lost, and one that is empty goes on from the backup, later in revisions (A043)",
    async () => {
      const backup = await backUp(lab, "m3");
      for (const name of ["m1", "m2", "m3", "m4"]) await lab.lab.off(name);
      await powerUpEmpty(lab, "m1");
      await restoreOnto(lab, quiet, { backup, name: "m1", lost: ["m2", "m3", "m4"] });
      await smoke(lab, "m1", ["m1"]);
    },
    longMs,
  );

  it(
    "have their store on a host of its own (A113)",
    async () => {
      await Promise.all(["m2", "m3"].map((name) => powerUpEmpty(lab, name)));
      const { address } = lab.machine("m2");
      await lab.up("m2", "store", { COXSWAIN_STORES: `m2=${address}` });
      const pki = join(lab.directoryOf("m2").data, "pki");
      await externalMasters(lab, quiet, `https://${address}:2379`, pki, ["m3"], { COXSWAIN_SINGLE: "yes" });
      await smoke(lab, "m3", ["m3"]);
    },
    longMs,
  );
});
