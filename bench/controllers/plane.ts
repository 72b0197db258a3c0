// What the controllers are measured in: store, apiserver, scheduler and controller manager as real processes, and hollow nodes in one more.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { nodes } from "@coxswain/api/core/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { systemClock } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../scripts/cluster/layout.ts";
import { hollowEntry, nodeFlagsOf } from "../../scripts/cluster/processes.ts";
import type { ControlPlane } from "../../test/protocol/control-plane.ts";
import { startSchedulingPlane } from "../../test/system/scheduler-plane.ts";

export interface BenchPlane extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly client: Client;
  readonly pids: Readonly<Record<string, number>>;
}

/** Resolves when all nodes are ready and the default service account is there. */
export async function startBenchPlane(hollowNodes: number): Promise<BenchPlane> {
  // A daemon that is late because the machine is busy should go on.
  const patient = ["--leader-elect-lease-duration=60s", "--leader-elect-renew-deadline=50s"];
  const scheduling = await startSchedulingPlane({ flags: patient });
  const { plane } = scheduling;
  const { pki, dir } = plane;
  const authority = pki.authorityFile("kubernetes-ca");
  const serving = pki.files("test", "controller-manager");
  const kubeconfig = join(dir, "controller-manager.conf");
  writeKubeconfig({
    file: kubeconfig,
    server: `https://127.0.0.1:${plane.servers[0]?.port}`,
    authorityFile: authority,
    user: "system:kube-controller-manager",
    certificate: serving,
  });
  const server = async (): Promise<readonly string[]> => [
    `--secure-port=${await freePort()}`,
    "--bind-address=127.0.0.1",
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    `--client-ca-file=${authority}`,
  ];
  const children: ChildProcess[] = [];
  const start = (name: string, entry: string, args: readonly string[]): number => {
    const child = spawn(process.execPath, [...nodeFlagsOf(name), entry, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    const log = createWriteStream(join(dir, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    return child.pid ?? 0;
  };
  const manager = start("controller-manager", daemonEntry("controller-manager"), [
    ...(await server()),
    ...patient,
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${authority}`,
    `--service-account-private-key-file=${pki.serviceAccountKey.privateKey}`,
  ]);
  const hollow = start("hollow-nodes", hollowEntry, [
    ...(await server()),
    `--kubeconfig=${plane.servers[0]?.kubeconfig}`,
    `--nodes=${hollowNodes}`,
    "--events=false",
    `--root-dir=${join(dir, "hollow")}`,
  ]);
  const pids = {
    store: plane.storePid,
    apiserver: plane.servers[0]?.pid ?? 0,
    scheduler: scheduling.schedulerPid,
    "controller-manager": manager,
    "hollow nodes": hollow,
  };
  const client = createClient(loadKubeconfig(plane.servers[0]?.kubeconfig ?? "", { userAgent: "bench" }), {
    clock: systemClock,
  });
  const bench: BenchPlane = {
    plane,
    client,
    pids,
    async [Symbol.asyncDispose]() {
      await client.close();
      for (const child of children.filter(({ exitCode }) => exitCode === null)) {
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        await gone;
      }
      await scheduling[Symbol.asyncDispose]();
    },
  };
  try {
    for (;;) {
      const ready = (await client.resource(nodes).list()).items.filter(({ status, spec }) =>
        (spec?.taints ?? []).length > 0
          ? false
          : status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
      ).length;
      const account = await plane.call("GET", "/api/v1/namespaces/default/serviceaccounts/default");
      if (ready === hollowNodes && account.status === 200) return bench;
      if (children.some(({ exitCode }) => exitCode !== null)) throw new Error("a daemon has ended");
      await systemClock.sleep(500);
    }
  } catch (error) {
    const logs = ["controller-manager", "hollow-nodes"].map((name) =>
      readFileSync(join(dir, `${name}.log`), "utf8").slice(-2000),
    );
    await bench[Symbol.asyncDispose]();
    throw new Error(`the benchmark's cluster does not start\n${logs.join("\n")}`, { cause: error });
  }
}

/** Time that a process has had a core so far. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function residentMb(pid: number): number {
  return (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024) / 1e6;
}
