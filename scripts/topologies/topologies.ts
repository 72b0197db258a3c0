// The ways to lay out a cluster, each with what it must survive. A function builds, hurts and looks; the first thing wrong ends it.
import { cpSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createComposeLab } from "../cluster/compose-lab.ts";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { externalMasters, freshInvitation, joinMasters, joinWorkers, timed } from "./join.ts";
import {
  containersOf,
  countOf,
  etcdctl,
  footprint,
  kubeconfigOf,
  livingVoters,
  memberNames,
  noneLost,
  revisionOf,
} from "./look.ts";
import { networkInPods } from "./network-pods.ts";
import { smoke, until } from "./smoke.ts";
import { startWriter } from "./writer.ts";

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
        await until(`${victim}'s member is back`, 180_000, async () =>
          (await livingVoters(lab, witness)) === 3 ? true : undefined,
        );
      }
      await smoke(lab, "m3", ["m4", "m5", "m6"]);
    }),

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
      const { data, compose } = lab.directoryOf("m2");
      rmSync(data, { recursive: true });
      rmSync(compose, { recursive: true });
      rmSync(join(lab.machine("m2").directory, "docker", "containers"), { recursive: true, force: true });
      await lab.lab.on("m2");
      await timed(say, "a dead master replaced by an empty machine of its name", async () => {
        await lab.up("m2", "master", await freshInvitation(lab, "m1"));
        await lab.whenReady("m1", ["m2"]);
        await until("m2 votes", 180_000, async () => ((await livingVoters(lab, "m1")) === 3 ? true : undefined));
      });
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
  etcd: (run) =>
    inLab(run, 2, async (lab, say) => {
      // Certificates for it as for a host of our store.
      const address = lab.machine("m1").address;
      const { data } = lab.directoryOf("m1");
      lab.prepare("m1", "store", { COXSWAIN_STORES: `m1=${address}` });
      const made = await lab.compose("m1", ["run", "--rm", "setup"]);
      if (made.code !== 0) throw new Failure(made.stderr);
      const pki = join(data, "pki");
      const etcd = startEtcd(lab, "m1", pki, join(data, "etcd"));
      try {
        await externalMasters(lab, say, `https://${address}:2379`, pki, ["m2"], { COXSWAIN_SINGLE: "yes" });
        await smoke(lab, "m2", ["m2"]);
        const before = (await revisionOf(lab, "m2")) ?? 0;
        const ended = new Promise((resolve) => etcd.once("exit", resolve));
        etcd.kill("SIGTERM");
        await ended;
        say(`etcd stopped at revision ${before} or later`);
        const moved = await lab.compose("m1", [
          "run",
          "--rm",
          "store",
          "store",
          "snapshot",
          "restore",
          join(data, "etcd", "member", "snap", "db"),
          "--skip-hash-check",
          "--name=m1",
          `--data-dir=${join(data, "store")}`,
          `--initial-cluster=m1=https://${address}:2380`,
          `--initial-advertise-peer-urls=https://${address}:2380`,
        ]);
        if (moved.code !== 0) throw new Failure(`our store does not take etcd's data: ${moved.stderr}`);
        await lab.compose("m1", ["up", "-d", "store"]);
        await until("our store serves what etcd had", 180_000, async () => {
          const now = await revisionOf(lab, "m2");
          if (now !== undefined && now < before) throw new Failure(`revisions went back from ${before} to ${now}`);
          return now;
        });
        await smoke(lab, "m2", ["m2"]);
        say("our store goes on with etcd's data and revisions");
        await backToEtcd(lab, say, { store: "m1", master: "m2", pki });
      } finally {
        etcd.kill("SIGKILL");
      }
    }),

  /** Everything is destroyed; the cluster is made again from a backup on another machine. */
  backup: (run) =>
    inLab(run, 2, async (lab, say) => {
      await lab.up("m1", "single");
      await lab.whenReady("m1", ["m1"]);
      await smoke(lab, "m1", ["m1"]);
      const backup = join(lab.directoryOf("m1").data, "backup");
      const made = await lab.cox("m1", ["backup", backup]);
      if (made.code !== 0) throw new Failure(made.stderr);
      const target = join(lab.directoryOf("m2").data, "backup");
      mkdirSync(lab.directoryOf("m2").data, { recursive: true });
      cpSync(backup, target, { recursive: true });
      const before = (await revisionOf(lab, "m1")) ?? 0;
      await lab.lab.off("m1");
      rmSync(lab.directoryOf("m1").data, { recursive: true });
      lab.prepare("m2", "single");
      await timed(say, "restore to a ready node", async () => {
        const restored = await lab.compose("m2", ["run", "--rm", "setup", "cox", "restore", target, "--single"]);
        if (restored.code !== 0) throw new Failure(`restore: ${restored.stderr}`);
        await lab.compose("m2", ["up", "-d"]);
        await lab.whenReady("m2", ["m2"]);
      });
      const after = (await revisionOf(lab, "m2")) ?? 0;
      if (after <= before + 1_000_000) throw new Failure(`revisions were not moved on: ${before} and then ${after}`);
      await lab.must("m2", ["delete", "node", "m1"]);
      // Their statuses are of before: the controllers have to find out first that their node is no more.
      await timed(say, "pods of the lost node made anew", () =>
        until("no pod is on the lost node", 180_000, async () => {
          const onLost = ["get", "pods", "-A", "-o", "name", "--field-selector=spec.nodeName=m1"];
          return (await lab.must("m2", onLost)).trim() === "" ? true : undefined;
        }),
      );
      await smoke(lab, "m2", ["m2"]);
    }),
};

/** With nobody writing, our store's snapshot becomes etcd's data. */
async function backToEtcd(
  lab: ComposeLab,
  say: Run["say"],
  { store, master, pki }: { readonly store: string; readonly master: string; readonly pki: string },
): Promise<void> {
  const { address } = lab.machine(store);
  const { data } = lab.directoryOf(store);
  const snapshot = join(data, "snapshot.db");
  await lab.compose(master, ["stop", "apiserver"]);
  etcdctl(pki, address, ["snapshot", "save", snapshot]);
  await lab.compose(store, ["stop", "store"]);
  const status = etcdctl(pki, address, ["snapshot", "status", snapshot, "--write-out=json"]);
  const before = (JSON.parse(status) as { revision: number }).revision;
  etcdctl(pki, address, [
    "snapshot",
    "restore",
    snapshot,
    `--name=${store}`,
    `--data-dir=${join(data, "etcd-again")}`,
    `--initial-cluster=${store}=https://${address}:2380`,
    `--initial-advertise-peer-urls=https://${address}:2380`,
  ]);
  const etcd = startEtcd(lab, store, pki, join(data, "etcd-again"));
  try {
    await lab.compose(master, ["start", "apiserver"]);
    await until("etcd serves what our store had", 180_000, async () => {
      const now = await revisionOf(lab, master);
      if (now !== undefined && now < before) throw new Failure(`revisions went back from ${before} to ${now}`);
      return now;
    });
    await smoke(lab, master, [master]);
    say(`etcd goes on with our store's data from revision ${before}`);
  } finally {
    etcd.kill("SIGKILL");
  }
}

/** A master leaves: the store and the API go on without it, and it comes back as a new one. */
async function masterLeavesAndReturns(lab: ComposeLab, say: Run["say"], master: string, name: string): Promise<void> {
  await lab.compose(name, ["stop"]);
  const left = await lab.compose(name, ["run", "--rm", "--no-deps", "node-agent", "cox", "leave"]);
  if (left.code !== 0) throw new Failure(`leave: ${left.stderr}`);
  if ((await memberNames(lab, master)).includes(name)) throw new Failure(`${name} has left, but is in the store`);
  const nodes = await lab.must(master, ["get", "nodes", "-o", "name"]);
  if (nodes.split("\n").includes(`node/${name}`)) throw new Failure(`node ${name} is still there`);
  say(`master ${name} has left`);
  await lab.compose(name, ["down"]);
  await joinMasters(lab, say, master, [name]);
}

/** A worker leaves: nothing of it stays on the machine or in the API; then it joins again. */
async function leaveAndReturn(lab: ComposeLab, say: Run["say"], master: string, name: string): Promise<void> {
  await lab.compose(name, ["stop"]);
  const admin = join(lab.directoryOf(name).data, "admin.conf");
  copyFileSync(kubeconfigOf(lab, master), admin);
  const left = await lab.compose(name, [
    "run",
    "--rm",
    "--no-deps",
    "node-agent",
    "cox",
    "leave",
    "--kubeconfig",
    admin,
  ]);
  if (left.code !== 0) throw new Failure(`leave: ${left.stderr}`);
  const links = await lab.run(name, "ip", ["-br", "link"]);
  const rules = await lab.run(name, "iptables-save", []);
  const rest = /^(cox0|coxdns0)|KUBE-|COX-/m.exec(`${links.stdout}${rules.stdout}`);
  if (rest) throw new Failure(`${name} has left, but ${rest[0]} is still there`);
  const nodes = await lab.must(master, ["get", "nodes", "-o", "name"]);
  if (nodes.includes(`node/${name}`)) throw new Failure(`node ${name} is still there`);
  await lab.compose(name, ["down"]);
  await joinWorkers(lab, say, master, [name]);
}

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

function startEtcd(lab: ComposeLab, name: string, pki: string, data: string) {
  const { address } = lab.machine(name);
  const at = (file: string): string => join(pki, file);
  const args = [
    `--name=${name}`,
    `--data-dir=${data}`,
    `--listen-client-urls=https://${address}:2379`,
    `--advertise-client-urls=https://${address}:2379`,
    `--listen-peer-urls=https://${address}:2380`,
    `--initial-advertise-peer-urls=https://${address}:2380`,
    `--initial-cluster=${name}=https://${address}:2380`,
    `--cert-file=${at("etcd-server.crt")}`,
    `--key-file=${at("etcd-server.key")}`,
    `--trusted-ca-file=${at("etcd-ca.crt")}`,
    "--client-cert-auth",
    `--peer-cert-file=${at("etcd-peer.crt")}`,
    `--peer-key-file=${at("etcd-peer.key")}`,
    `--peer-trusted-ca-file=${at("etcd-ca.crt")}`,
  ];
  return lab.machine(name).spawn("etcd", args, { stdio: "ignore" });
}
