// Machines that leave a cluster in order, and come back as new ones.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { joinMasters, joinWorkers } from "./join.ts";
import type { Say } from "./join.ts";
import { kubeconfigOf, memberNames } from "./look.ts";

/** A master leaves: the store and the API go on without it, and it comes back as a new one. */
export async function masterLeavesAndReturns(lab: ComposeLab, say: Say, master: string, name: string): Promise<void> {
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
export async function leaveAndReturn(lab: ComposeLab, say: Say, master: string, name: string): Promise<void> {
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
