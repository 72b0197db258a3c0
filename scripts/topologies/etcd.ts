// etcd itself behind our apiservers, its data in our store, and ours in etcd again: revisions are kept, so nobody's watch is lost (D-19).
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { externalMasters } from "./join.ts";
import type { Say } from "./join.ts";
import { etcdctl, revisionOf } from "./look.ts";
import { smoke, until } from "./smoke.ts";

/** Two machines: etcd (then our store) on `store`, a master that runs pods on `master`. */
export async function etcdAndBack(
  lab: ComposeLab,
  say: Say,
  { store, master }: { readonly store: string; readonly master: string },
): Promise<void> {
  // Certificates for it as for a host of our store.
  const address = lab.machine(store).address;
  const { data } = lab.directoryOf(store);
  lab.prepare(store, "store", { COXSWAIN_STORES: `${store}=${address}` });
  const made = await lab.compose(store, ["run", "--rm", "setup"]);
  if (made.code !== 0) throw new Failure(made.stderr);
  const pki = join(data, "pki");
  const etcd = startEtcd(lab, store, pki, join(data, "etcd"));
  try {
    await externalMasters(lab, say, `https://${address}:2379`, pki, [master], { COXSWAIN_SINGLE: "yes" });
    await smoke(lab, master, [master]);
    const before = (await revisionOf(lab, master)) ?? 0;
    const ended = new Promise((resolve) => etcd.once("exit", resolve));
    etcd.kill("SIGTERM");
    await ended;
    say(`etcd stopped at revision ${before} or later`);
    const moved = await lab.compose(store, [
      "run",
      "--rm",
      "store",
      "store",
      "snapshot",
      "restore",
      join(data, "etcd", "member", "snap", "db"),
      "--skip-hash-check",
      `--name=${store}`,
      `--data-dir=${join(data, "store")}`,
      `--initial-cluster=${store}=https://${address}:2380`,
      `--initial-advertise-peer-urls=https://${address}:2380`,
    ]);
    if (moved.code !== 0) throw new Failure(`our store does not take etcd's data: ${moved.stderr}`);
    await lab.compose(store, ["up", "-d", "store"]);
    await until("our store serves what etcd had", 180_000, async () => {
      const now = await revisionOf(lab, master);
      if (now !== undefined && now < before) throw new Failure(`revisions went back from ${before} to ${now}`);
      return now;
    });
    await smoke(lab, master, [master]);
    say("our store goes on with etcd's data and revisions");
    await backToEtcd(lab, say, { store, master, pki });
  } finally {
    etcd.kill("SIGKILL");
  }
}
/** With nobody writing, our store's snapshot becomes etcd's data. */
async function backToEtcd(
  lab: ComposeLab,
  say: Say,
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

function startEtcd(lab: ComposeLab, name: string, pki: string, data: string): ChildProcess {
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
