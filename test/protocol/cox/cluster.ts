// A cluster as small as the answers of cox need it: a control plane with scheduler and controllers, one real node with containers, and two
// nodes that are only objects and full or cordoned.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../../../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../../../scripts/cluster/layout.ts";
import { makeNodes } from "../../system/scheduler-plane.ts";
import { startJoinedNode, until } from "../joined-node.ts";
import type { JoinedNode } from "../joined-node.ts";

export interface CoxCluster extends AsyncDisposable {
  readonly node: JoinedNode;
  readonly kubeconfig: string;
  readonly schedulerAddress: string;
  must(args: readonly string[], input?: string): Promise<string>;
}

const controllers = [
  "deployment-controller",
  "replicaset-controller",
  "job-controller",
  "endpoints-controller",
  "endpointslice-controller",
  "namespace-controller",
  "garbage-collector-controller",
  "disruption-controller",
  "statefulset-controller",
];

export async function startCoxCluster(): Promise<CoxCluster> {
  const node = await startJoinedNode();
  const { plane } = node;
  const children: ChildProcess[] = [];
  const start = (daemon: string, user: string, args: readonly string[]): void => {
    const kubeconfig = join(plane.dir, `cox-${daemon}.conf`);
    const files = plane.pki.files("test", daemon);
    const authority = plane.pki.authorityFile("kubernetes-ca");
    writeKubeconfig({
      file: kubeconfig,
      server: `https://127.0.0.1:${plane.servers[0]?.port}`,
      ...{ authorityFile: authority, user, certificate: files },
    });
    const child = spawn(
      process.execPath,
      [
        daemonEntry(daemon),
        `--kubeconfig=${kubeconfig}`,
        "--bind-address=127.0.0.1",
        `--tls-cert-file=${files.cert}`,
        `--tls-private-key-file=${files.key}`,
        `--client-ca-file=${authority}`,
        ...args,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const log = createWriteStream(join(plane.dir, `cox-${daemon}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    children.push(child);
  };
  const stop = async (): Promise<void> => {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.once("exit", () => resolve());
            child.kill("SIGTERM");
          }),
      ),
    );
    await node[Symbol.asyncDispose]();
  };
  try {
    const [schedulerPort, managerPort] = [await freePort(), await freePort()];
    start("scheduler", "system:kube-scheduler", [`--secure-port=${schedulerPort}`]);
    start("controller-manager", "system:kube-controller-manager", [
      `--secure-port=${managerPort}`,
      `--controllers=${controllers.join(",")}`,
      `--root-ca-file=${plane.pki.authorityFile("kubernetes-ca")}`,
      `--cluster-signing-cert-file=${plane.pki.authorityFile("kubernetes-ca")}`,
      `--cluster-signing-key-file=${plane.pki.authorityKeyFile("kubernetes-ca")}`,
      `--service-account-private-key-file=${plane.pki.serviceAccountKey.privateKey}`,
    ]);
    // An agent serves with a certificate of its own until a person has looked at its request.
    await until("the agent has its certificate", async () => {
      const serving = ["get", "csr", "--field-selector=spec.signerName=kubernetes.io/kubelet-serving", "-o", "name"];
      const requests = (await plane.must(serving)).split("\n").filter((line) => line !== "");
      if (requests.length > 0) await plane.must(["certificate", "approve", ...requests]);
      return (await plane.kubectl(["get", "--raw", `/api/v1/nodes/${node.name}/proxy/healthz`])).stdout === "ok";
    });
    // Full and cordoned before pods come: what the scheduler tells of them is always the same.
    await makeNodes(plane, [
      { name: "hollow-a", cpu: "500m", labels: { disk: "slow" } },
      { name: "hollow-b", cpu: "4" },
    ]);
    await plane.must(["taint", "node", "hollow-a", "rented=yes:NoSchedule"]);
    await plane.must(["cordon", "hollow-b"]);
    // Nobody looks after the states of nodes here.
    await plane.must(["taint", "node", node.name, "node.kubernetes.io/not-ready:NoSchedule-"]);
    await until("the scheduler leads", async () => {
      const { code } = await plane.kubectl([
        "get",
        "lease",
        "-n",
        "kube-system",
        "kube-scheduler",
        "kube-controller-manager",
      ]);
      return code === 0;
    });
    return {
      ...{
        node,
        kubeconfig: plane.servers[0]?.kubeconfig ?? "",
        schedulerAddress: `https://127.0.0.1:${schedulerPort}`,
      },
      must: (args, input) => plane.must(args, input),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
