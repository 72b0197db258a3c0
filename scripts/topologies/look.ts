// What can be seen of a cluster on lab machines from outside: through kubectl, etcdctl, the engines and the kernel.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import type { Written } from "./writer.ts";

export function kubeconfigOf(lab: ComposeLab, master: string): string {
  return join(lab.directoryOf(master).data, "admin.conf");
}

export async function countOf(lab: ComposeLab, master: string, prefix: string): Promise<number> {
  const names = await lab.must(master, ["get", "configmaps", "-o", "name", "--request-timeout=10s"]);
  return names.split("\n").filter((name) => name.startsWith(`configmap/${prefix}-`)).length;
}

export async function noneLost(lab: ComposeLab, master: string, { acknowledged }: Written): Promise<void> {
  const there = new Set((await lab.must(master, ["get", "configmaps", "-o", "name"])).split("\n"));
  const lost = acknowledged.filter((name) => !there.has(`configmap/${name}`));
  if (lost.length > 0) throw new Failure(`${lost.length} acknowledged writes are lost: ${lost.slice(0, 5).join(", ")}`);
  if (acknowledged.length === 0) throw new Failure("nothing was written");
}

export function etcdctl(pki: string, address: string, args: readonly string[]): string {
  const tls = [
    "--cacert",
    join(pki, "etcd-ca.crt"),
    "--cert",
    join(pki, "apiserver-etcd-client.crt"),
    "--key",
    join(pki, "apiserver-etcd-client.key"),
  ];
  return execFileSync("etcdctl", ["--endpoints", `https://${address}:2379`, ...tls, "--command-timeout=5s", ...args], {
    encoding: "utf8",
    env: { ...process.env, ETCDCTL_API: "3" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export async function membersOf(
  lab: ComposeLab,
  master: string,
): Promise<readonly { name: string; learner: boolean; url: string }[]> {
  const text = etcdctl(join(lab.directoryOf(master).data, "pki"), lab.machine(master).address, ["member", "list"]);
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(", "))
    .map(([, , name = "", , url = "", learner]) => ({ name, url, learner: learner === "true" }));
}

export async function memberNames(lab: ComposeLab, master: string): Promise<readonly string[]> {
  return (await membersOf(lab, master)).map(({ name }) => name);
}

/** Voters that answer. */
export async function livingVoters(lab: ComposeLab, master: string): Promise<number> {
  const voters = (await membersOf(lab, master)).filter(({ learner, url }) => !learner && url !== "");
  const pki = join(lab.directoryOf(master).data, "pki");
  return voters.filter(({ url }) => {
    try {
      etcdctl(pki, new URL(url).hostname, ["endpoint", "health"]);
      return true;
    } catch {
      return false; // Not answering is the answer.
    }
  }).length;
}

export async function containersOf(lab: ComposeLab, name: string): Promise<readonly string[]> {
  const { stdout } = await lab.compose(name, ["exec", "-T", "keeper", "true"]);
  const text = execFileSync(
    "docker",
    ["-H", `unix://${lab.machine(name).dockerSocket}`, "ps", "-q", "--filter", "name=k8s_"],
    { encoding: "utf8" },
  );
  return `${stdout}${text}`.trim().split("\n").sort();
}

/** Memory and processor time of all daemons of a machine, after half a minute of nothing. "Resident" counts what daemons share (Node itself) once a daemon, "in all" once. */
export async function footprint(lab: ComposeLab, name: string): Promise<string> {
  await lab.must(name, ["delete", "namespace", "demo", "--timeout=60s"]);
  const script = `for id in $(docker ps -q --filter name=compose_); do
    pid=$(docker inspect -f '{{.State.Pid}}' $id)
    echo "$(docker inspect -f '{{.Name}}' $id) $(sed -n 's/^VmRSS:[[:space:]]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status) $(sed -n 's/^Pss:[[:space:]]*\\([0-9]*\\).*/\\1/p' /proc/$pid/smaps_rollup) $(cut -d')' -f2 /proc/$pid/stat | cut -d' ' -f13,14)"
  done`;
  const look = async (): Promise<readonly { daemon: string; megabytes: number; share: number; ticks: number }[]> => {
    const { stdout } = await lab.run(name, "sh", ["-c", script]);
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([daemon = "", kilobytes, share, user, system]) => ({
        daemon: daemon.replace("/compose_", ""),
        megabytes: Number(kilobytes) / 1024,
        share: Number(share) / 1024,
        ticks: Number(user) + Number(system),
      }));
  };
  await delay(30_000);
  const before = await look();
  await delay(20_000);
  const after = await look();
  const rows = after.map((row) => ({
    ...row,
    percent: (row.ticks - (before.find(({ daemon }) => daemon === row.daemon)?.ticks ?? 0)) / 20,
  }));
  const sum = (of: (row: (typeof rows)[number]) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const parts = rows.map(
    ({ daemon, megabytes, percent }) => `${daemon} ${Math.round(megabytes)} MB ${percent.toFixed(1)} %`,
  );
  return `idle: ${Math.round(sum(({ share }) => share))} MB in all (${Math.round(sum(({ megabytes }) => megabytes))} MB resident), ${sum(({ percent }) => percent).toFixed(1)} % of a core (${parts.join("; ")})`;
}

/** The cluster's revision now; undefined while the API does not answer. */
export async function revisionOf(lab: ComposeLab, master: string): Promise<number | undefined> {
  const path = "/api/v1/namespaces/kube-system/configmaps?limit=1";
  const { code, stdout } = await lab.kubectl(master, ["get", "--raw", path, "--request-timeout=5s"]);
  if (code !== 0) return undefined;
  return Number((JSON.parse(stdout) as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
}
