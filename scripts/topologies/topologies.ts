// The ways to lay out a cluster, each with what it must survive. A function builds, hurts and looks; the first thing wrong ends it.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createComposeLab } from "../cluster/compose-lab.ts";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { leaveAndReturn, masterLeavesAndReturns } from "./departures.ts";
import { etcdAndBack } from "./etcd.ts";
import { externalMasters, joinMasters, joinWorkers, timed, untilServing } from "./join.ts";
import { containersOf, countOf, footprint, kubeconfigOf, livingVoters, memberNames, noneLost } from "./look.ts";
import { networkInPods } from "./network-pods.ts";
import { backUp, replaceMaster, restoreOnto } from "./recovery.ts";
import { smoke, until } from "./smoke.ts";
import { lookAtStaticPods } from "./static-pods.ts";
import { withSystemd } from "./systemd.ts";
import { startWriter } from "./writer.ts";
import { loseZone } from "./zones.ts";

interface Run {
  readonly dataDir: string;
  readonly say: (text: string) => void;
  readonly keep: boolean;
}

export const topologies: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  /** docker-compose.yml of the project's root: everything on one machine, which runs pods, too. */
  single: (run) =>
    inLab(run, 1, async (lab, say) => {
      await timed(say, "docker-compose up to a ready node", async () => {
        await lab.up("m1", "single");
        await lab.whenReady("m1", ["m1"]);
      });
      await smoke(lab, "m1", ["m1"]);
      say(await footprint(lab, "m1"));
    }),

  /** One master with two workers; without it pods run on, and all heals when it is back. */
  "one-master": (run) =>
    inLab(run, 3, async (lab, say) => {
      await lab.up("m1", "master");
      await lab.whenReady("m1", ["m1"]);
      await joinWorkers(lab, say, "m1", ["m2", "m3"]);
      await smoke(lab, "m1", ["m2", "m3"]);
      const before = await containersOf(lab, "m2");
      await lab.lab.off("m1");
      const gone = await lab.kubectl("m1", ["get", "nodes", "--request-timeout=3s"]);
      if (gone.code === 0) throw new Failure("the API answers without its only master");
      if ((await containersOf(lab, "m2")).join() !== before.join()) throw new Failure("pods were disturbed");
      await lab.lab.on("m1");
      await timed(say, "power to a ready master", () => lab.whenReady("m1", ["m1", "m2", "m3"]));
      await smoke(lab, "m1", ["m2", "m3"]);
      await leaveAndReturn(lab, say, "m1", "m3");
      await smoke(lab, "m1", ["m2", "m3"]);
    }),

  /** A master and a worker whose proxy is a DaemonSet and whose DNS server is a Deployment, then their own again. */
  "network-in-pods": (run) =>
    inLab(run, 2, async (lab, say) => {
      await lab.up("m1", "master");
      await lab.whenReady("m1", ["m1"]);
      await joinWorkers(lab, say, "m1", ["m2"]);
      await smoke(lab, "m1", ["m2"]);
      await timed(say, "proxy and DNS server as pods, and back", () => networkInPods(lab, "m1", ["m1", "m2"], ["m2"]));
    }),

  /** Masters whose control plane are static pods of their node agents: one becomes three; power comes back, a flag changes. */
  "static-pods": (run) =>
    inLab(run, 4, async (lab, say) => {
      const asPods = { COXSWAIN_STATIC_PODS: "yes" };
      await timed(say, "docker-compose up to a ready master of static pods", async () => {
        await lab.up("m1", "master", asPods);
        await lab.whenReady("m1", ["m1"]);
      });
      await joinWorkers(lab, say, "m1", ["m4"]);
      await smoke(lab, "m1", ["m4"]);
      await lookAtStaticPods(lab, "m1", ["m1"]);
      await joinMasters(lab, say, "m1", ["m2", "m3"], asPods);
      await lookAtStaticPods(lab, "m1", ["m1", "m2", "m3"]);
      const writer = startWriter(kubeconfigOf(lab, "m2"), "static");
      await until("some writes", 180_000, async () => ((await countOf(lab, "m2", "static")) > 20 ? true : undefined));
      await lab.lab.off("m1");
      const before = await countOf(lab, "m2", "static");
      await until("writes go on", 180_000, async () =>
        (await countOf(lab, "m2", "static")) > before + 20 ? true : undefined,
      );
      await noneLost(lab, "m2", await writer.stop());
      await lab.lab.on("m1");
      await timed(say, "power to a master that serves", async () => {
        await untilServing(lab, "m1");
        await lab.whenReady("m2", ["m1", "m2", "m3", "m4"]);
      });
      await until("m1's member is back", 180_000, async () =>
        (await livingVoters(lab, "m2")) === 3 ? true : undefined,
      );
      await lookAtStaticPods(lab, "m1", ["m1", "m2", "m3"]);
      await smoke(lab, "m1", ["m4"]);
    }),

  /** A master and a worker whose daemons are systemd's units instead of compose's services. */
  systemd: (run) => inLab(run, 2, async (lab, say) => withSystemd(lab, say, "m1", "m2")),

  /** Three masters, three workers; any master is powered off under a writer, and comes back. */
  stacked: (run) =>
    inLab(run, 6, async (lab, say) => {
      await timed(say, "3 + 3 ready", async () => {
        await lab.up("m1", "master");
        await lab.whenReady("m1", ["m1"]);
        await joinWorkers(lab, say, "m1", ["m4", "m5", "m6"]);
        await joinMasters(lab, say, "m1", ["m2", "m3"]);
      });
      await smoke(lab, "m1", ["m4", "m5", "m6"]);
      for (const victim of ["m1", "m2", "m3"]) {
        const witness = victim === "m1" ? "m2" : "m1";
        const writer = startWriter(kubeconfigOf(lab, witness), `off-${victim}`);
        await until("some writes", 180_000, async () =>
          (await countOf(lab, witness, `off-${victim}`)) > 20 ? true : undefined,
        );
        await lab.lab.off(victim);
        await until("writes go on", 180_000, async () => {
          const { code } = await lab.kubectl(witness, [
            "create",
            "configmap",
            `after-${victim}`,
            "--request-timeout=5s",
          ]);
          return code === 0 ? true : undefined;
        });
        await until("more writes", 180_000, async () =>
          (await countOf(lab, witness, `off-${victim}`)) > 60 ? true : undefined,
        );
        const written = await writer.stop();
        await noneLost(lab, witness, written);
        say(
          `${victim} powered off: ${written.acknowledged.length} writes acknowledged, none lost, ${written.failed.length} refused, longest pause ${Math.round(written.longestPauseMs)} ms`,
        );
        await lab.lab.on(victim);
        await lab.whenReady(witness, ["m1", "m2", "m3", "m4", "m5", "m6"]);
        await untilServing(lab, victim);
        await until(`${victim}'s member is back`, 180_000, async () =>
          (await livingVoters(lab, witness)) === 3 ? true : undefined,
        );
      }
      await smoke(lab, "m3", ["m4", "m5", "m6"]);
    }),

  /** A master and a worker in each of three zones; one zone is cut off under a writer: the others serve, and its pods run on in them (A116). */
  zones: (run) => inLab(run, 6, async (lab, say) => loseZone(lab, say)),

  /** A running single master becomes three while a client writes. */
  promotion: (run) =>
    inLab(run, 4, async (lab, say) => {
      await lab.up("m1", "master");
      await lab.whenReady("m1", ["m1"]);
      await joinWorkers(lab, say, "m1", ["m4"]);
      const writer = startWriter(kubeconfigOf(lab, "m1"), "promotion");
      await joinMasters(lab, say, "m1", ["m2", "m3"]);
      const written = await writer.stop();
      await noneLost(lab, "m2", written);
      say(
        `promotion 1 → 3: ${written.acknowledged.length} writes, ${written.failed.length} failed, longest pause ${Math.round(written.longestPauseMs)} ms`,
      );
      if (written.failed.length > 0)
        throw new Failure(`${written.failed.length} requests failed: ${written.failed[0]}`);
      await smoke(lab, "m3", ["m4"]);
      await masterLeavesAndReturns(lab, say, "m1", "m3");
      await smoke(lab, "m3", ["m4"]);
    }),

  /** A dead master is replaced by an empty machine of the same name; a dead voter is removed by itself. */
  replace: (run) =>
    inLab(run, 3, async (lab, say) => {
      await lab.up("m1", "master", { COXSWAIN_SINGLE: "yes", COXSWAIN_DEAD_MEMBER_GRACE: "15s" });
      await lab.whenReady("m1", ["m1"]);
      await joinMasters(lab, say, "m1", ["m2", "m3"], { COXSWAIN_DEAD_MEMBER_GRACE: "15s" });
      await lab.lab.off("m3");
      await timed(say, "a dead voter is removed by itself (grace 15 s)", () =>
        until("the dead voter is removed", 180_000, async () =>
          (await memberNames(lab, "m1")).includes("m3") ? undefined : true,
        ),
      );
      // The machine comes back as it was: it is told, keeps its old data aside, and becomes a learner, then a voter.
      await lab.lab.on("m3");
      await lab.compose("m3", ["up", "-d"]);
      await lab.compose("m3", ["restart", "setup"]);
      await until("m3 votes again", 180_000, async () => ((await livingVoters(lab, "m1")) === 3 ? true : undefined));
      say("a removed voter that came back votes again");
      await lab.lab.off("m2");
      await replaceMaster(lab, say, { witness: "m1", name: "m2", voters: 3 });
      await smoke(lab, "m2", ["m1"]);
    }),

  /** Three hosts of the store alone, two masters; a master and a store host die. */
  "external-store": (run) =>
    inLab(run, 5, async (lab, say) => {
      const stores = ["m1", "m2", "m3"];
      const list = stores.map((name) => `${name}=${lab.machine(name).address}`).join(",");
      for (const name of stores) {
        if (name !== "m1")
          for (const file of ["etcd-ca.crt", "etcd-ca.key"]) {
            mkdirSync(join(lab.directoryOf(name).data, "pki"), { recursive: true });
            copyFileSync(join(lab.directoryOf("m1").data, "pki", file), join(lab.directoryOf(name).data, "pki", file));
          }
        await lab.up(name, "store", { COXSWAIN_STORES: list });
      }
      const pki = join(lab.directoryOf("m1").data, "pki");
      await externalMasters(
        lab,
        say,
        stores.map((name) => `https://${lab.machine(name).address}:2379`).join(","),
        pki,
        ["m4", "m5"],
      );
      const writer = startWriter(kubeconfigOf(lab, "m4"), "external");
      await lab.lab.off("m2");
      await until("writes go on", 180_000, async () =>
        (await countOf(lab, "m4", "external")) > 100 ? true : undefined,
      );
      await lab.lab.off("m5");
      const count = await countOf(lab, "m4", "external");
      await until("writes go on without the other master", 180_000, async () =>
        (await countOf(lab, "m4", "external")) > count + 20 ? true : undefined,
      );
      const written = await writer.stop();
      await noneLost(lab, "m4", written);
      say(
        `a store host and a master powered off: ${written.acknowledged.length} writes, none lost, longest pause ${Math.round(written.longestPauseMs)} ms`,
      );
    }),

  /** etcd itself behind our apiservers; its data becomes our store's, then ours etcd's again, revisions kept (D-19). */
  etcd: (run) => inLab(run, 2, async (lab, say) => etcdAndBack(lab, say, { store: "m1", master: "m2" })),

  /** Everything is destroyed; the cluster is made again from a backup on another machine. */
  backup: (run) =>
    inLab(run, 2, async (lab, say) => {
      await lab.up("m1", "single");
      await lab.whenReady("m1", ["m1"]);
      await smoke(lab, "m1", ["m1"]);
      const backup = await backUp(lab, "m1");
      await lab.lab.off("m1");
      await restoreOnto(lab, say, { backup, name: "m2", lost: ["m1"] });
      await smoke(lab, "m2", ["m2"]);
    }),
};

async function inLab(
  run: Run,
  machines: number,
  work: (lab: ComposeLab, say: Run["say"]) => Promise<void>,
): Promise<void> {
  const lab = await createComposeLab({ dataDir: run.dataDir, machines, say: run.say });
  try {
    await work(lab, run.say);
  } finally {
    if (!run.keep) await lab[Symbol.asyncDispose]();
  }
}
