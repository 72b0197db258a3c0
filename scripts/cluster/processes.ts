// Which daemons run on a machine, and with which flags: the whole wiring of a cluster as one list of values.
import { join } from "node:path";
import { frontProxyName } from "@coxswain/pki";
import { profileFlags } from "@coxswain/cox/profiles";
import type { Profile } from "@coxswain/cox/profiles";
import type { CertificateFiles, ClusterPki } from "./certificates.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { daemonEntry, projectRoot } from "./layout.ts";
import type { Layout } from "./layout.ts";
import type { Machine } from "./machine.ts";

export interface ClusterPlan {
  readonly layout: Layout;
  readonly pki: ClusterPki;
  readonly apiPort: number;
  readonly masters: readonly Machine[];
  readonly proxyMode: string;
  readonly profile: Profile;
  readonly nodeGrace: string | undefined;
}

export interface ProcessSpec {
  readonly name: string;
  readonly machine: Machine;
  readonly entry: string;
  /** Flags for Node itself. */
  readonly nodeFlags: readonly string[];
  readonly args: readonly string[];
  /** Answers 200 when the daemon is ready. */
  readonly readyz: string;
  /** Shown to the daemon when asking for its readiness; only the store insists on one. */
  readonly probeCertificate?: CertificateFiles;
  /** Arguments that undo what the daemon leaves in the kernel and the engine, run after it has ended. */
  readonly cleanup?: readonly string[];
}

export const serviceCidr = "10.96.0.0/12";
export const kubernetesServiceAddress = "10.96.0.1";
export const clusterDnsAddress = "10.96.0.10";
export const podCidr = "10.244.0.0/16";
export const clusterDomain = "cluster.local";

/** Ports besides the apiserver's, with what they are for. */
export const controlPlanePorts: Readonly<Record<number, string>> = {
  2379: "store",
  2380: "store",
  10259: "scheduler",
  10257: "controller-manager",
};
export const nodePorts: Readonly<Record<number, string>> = { 10250: "node-agent", 10256: "proxy", 9153: "dns" };

export function controlPlaneProcesses(plan: ClusterPlan, machine: Machine): readonly ProcessSpec[] {
  const { layout, pki, apiPort, masters } = plan;
  const url = (port: number, of: Machine = machine): string => `https://${of.address}:${port}`;
  const data = layout.machineDir(machine.name);
  const authority = pki.authorityFile("kubernetes-ca");
  const storeAuthority = pki.authorityFile("etcd-ca");
  const tls = (name: string): string[] => tlsFlags(pki, machine, name);
  const storeCert = pki.files(machine.name, "etcd-server");
  const peerCert = pki.files(machine.name, "etcd-peer");
  const storeClient = pki.files(machine.name, "apiserver-etcd-client");
  const frontProxy = pki.files(machine.name, "front-proxy-client");
  const agentClient = pki.files(machine.name, "apiserver-kubelet-client");
  // Each apiserver uses its own machine's member first (stacked topology).
  const stores = [machine, ...masters.filter((other) => other !== machine)].map((member) => url(2379, member));

  return [
    {
      ...common("store", machine, `${url(2379)}/readyz`),
      probeCertificate: storeClient,
      args: [
        `--name=${machine.name}`,
        `--data-dir=${join(data, "store")}`,
        `--listen-client-urls=${url(2379)}`,
        `--advertise-client-urls=${url(2379)}`,
        `--listen-peer-urls=${url(2380)}`,
        `--initial-advertise-peer-urls=${url(2380)}`,
        `--initial-cluster=${masters.map((member) => `${member.name}=${url(2380, member)}`).join(",")}`,
        `--cert-file=${storeCert.cert}`,
        `--key-file=${storeCert.key}`,
        `--trusted-ca-file=${storeAuthority}`,
        "--client-cert-auth",
        `--peer-cert-file=${peerCert.cert}`,
        `--peer-key-file=${peerCert.key}`,
        `--peer-trusted-ca-file=${storeAuthority}`,
        "--peer-client-cert-auth",
      ],
    },
    {
      ...common("apiserver", machine, `${url(apiPort)}/readyz`),
      args: [
        `--etcd-servers=${stores.join(",")}`,
        `--etcd-cafile=${storeAuthority}`,
        `--etcd-certfile=${storeClient.cert}`,
        `--etcd-keyfile=${storeClient.key}`,
        `--advertise-address=${machine.address}`,
        `--secure-port=${apiPort}`,
        ...tls("apiserver"),
        `--client-ca-file=${authority}`,
        `--service-cluster-ip-range=${serviceCidr}`,
        `--service-account-key-file=${pki.serviceAccountKey.publicKey}`,
        `--service-account-signing-key-file=${pki.serviceAccountKey.privateKey}`,
        `--service-account-issuer=https://kubernetes.default.svc.${clusterDomain}`,
        `--kubelet-client-certificate=${agentClient.cert}`,
        `--kubelet-client-key=${agentClient.key}`,
        `--kubelet-certificate-authority=${authority}`,
        `--proxy-client-cert-file=${frontProxy.cert}`,
        `--proxy-client-key-file=${frontProxy.key}`,
        `--requestheader-client-ca-file=${pki.authorityFile("front-proxy-ca")}`,
        `--requestheader-allowed-names=${frontProxyName}`,
        "--authorization-mode=Node,RBAC",
        ...profileFlags(plan.profile, "apiserver"),
      ],
    },
    {
      ...common("scheduler", machine, `${url(10259)}/readyz`),
      args: [
        `--kubeconfig=${kubeconfigFor(plan, machine, "scheduler", "system:kube-scheduler")}`,
        ...tls("scheduler"),
        `--client-ca-file=${authority}`,
        "--secure-port=10259",
        ...profileFlags(plan.profile, "scheduler"),
      ],
    },
    {
      ...common("controller-manager", machine, `${url(10257)}/readyz`),
      args: [
        `--kubeconfig=${kubeconfigFor(plan, machine, "controller-manager", "system:kube-controller-manager")}`,
        ...tls("controller-manager"),
        `--client-ca-file=${authority}`,
        "--secure-port=10257",
        `--cluster-cidr=${podCidr}`,
        ...profileFlags(plan.profile, "controller-manager"),
        ...(plan.nodeGrace === undefined ? [] : [`--node-monitor-grace-period=${plan.nodeGrace}`]),
        `--root-ca-file=${authority}`,
        `--cluster-signing-cert-file=${authority}`,
        `--cluster-signing-key-file=${pki.authorityKeyFile("kubernetes-ca")}`,
        `--local-volume-dir=${plan.layout.volumeDir}`,
        `--service-account-private-key-file=${pki.serviceAccountKey.privateKey}`,
      ],
    },
  ];
}

export function nodeProcesses(plan: ClusterPlan, machine: Machine): readonly ProcessSpec[] {
  const { layout, pki } = plan;
  const data = layout.machineDir(machine.name);
  const url = (port: number): string => `https://${machine.address}:${port}`;
  const clientAuthority = `--client-ca-file=${pki.authorityFile("kubernetes-ca")}`;
  const agentKubeconfig = `--kubeconfig=${kubeconfigFor(plan, machine, "node-agent", `system:node:${machine.name}`)}`;
  const agent = [
    agentKubeconfig,
    `--hostname-override=${machine.name}`,
    `--node-ip=${machine.address}`,
    `--root-dir=${join(data, "node-agent")}`,
    `--local-volume-dir=${layout.volumeDir}`,
    `--container-runtime-endpoint=unix://${machine.dockerSocket}`,
    "--pod-infra-container-image=coxswain/pause:1",
    `--cluster-dns=${clusterDnsAddress}`,
    `--cluster-domain=${clusterDomain}`,
    `--cluster-cidr=${podCidr}`,
    `--resolv-conf=${machine.resolvConf}`,
    "--secure-port=10250",
    ...tlsFlags(pki, machine, "node-agent"),
    clientAuthority,
    ...profileFlags(plan.profile, "node-agent"),
  ];
  const proxy = [
    `--kubeconfig=${kubeconfigFor(plan, machine, "proxy", "system:kube-proxy")}`,
    `--hostname-override=${machine.name}`,
    `--cluster-cidr=${podCidr}`,
    `--proxy-mode=${plan.proxyMode}`,
    "--secure-port=10256",
    ...tlsFlags(pki, machine, "proxy"),
    clientAuthority,
  ];
  const dns = [
    `--kubeconfig=${kubeconfigFor(plan, machine, "dns", "system:coredns")}`,
    `--cluster-domain=${clusterDomain}`,
    `--dns-bind-address=${clusterDnsAddress}`,
    "--secure-port=9153",
    `--resolv-conf=${machine.resolvConf}`,
    `--memory-file=${join(data, "dns", "memory.json")}`,
    ...tlsFlags(pki, machine, "dns"),
    clientAuthority,
  ];
  return [
    {
      ...common("node-agent", machine, `${url(10250)}/readyz`),
      args: agent,
      cleanup: [...agent, "--cleanup-and-exit"],
    },
    { ...common("proxy", machine, `${url(10256)}/readyz`), args: proxy, cleanup: [...proxy, "--cleanup"] },
    { ...common("dns", machine, `${url(9153)}/readyz`), args: dns, cleanup: [...dns, "--cleanup"] },
  ];
}

/** Whose certificates the simulated nodes' one process shows; it is no node itself. */
export const hollowMachine = "hollow-nodes";
export const hollowEntry: string = join(projectRoot, "packages", "node-agent", "src", "hollow", "main.ts");

/** The flags of simulated nodes, beside their number. */
export function hollowFlags({ layout, pki }: Pick<ClusterPlan, "layout" | "pki">): readonly string[] {
  const { cert, key } = pki.files(hollowMachine, "node-agent");
  return [
    `--kubeconfig=${layout.adminKubeconfig}`,
    `--root-dir=${layout.machineDir(hollowMachine)}`,
    "--secure-port=10350",
    `--tls-cert-file=${cert}`,
    `--tls-private-key-file=${key}`,
    `--client-ca-file=${pki.authorityFile("kubernetes-ca")}`,
  ];
}

export function hollowProcess(plan: ClusterPlan, machine: Machine, nodes: number): ProcessSpec {
  return {
    ...common("hollow-nodes", machine, "https://127.0.0.1:10350/readyz"),
    entry: hollowEntry,
    args: [...hollowFlags(plan), `--nodes=${nodes}`],
  };
}

/** The administrator's file, for people. */
export function writeAdminKubeconfig(plan: ClusterPlan): string {
  const machine = plan.masters[0];
  if (!machine) throw new Error("a cluster has at least one control-plane machine");
  kubeconfigFor(plan, machine, "admin", "kubernetes-admin", plan.layout.adminKubeconfig);
  return plan.layout.adminKubeconfig;
}

function kubeconfigFor(plan: ClusterPlan, machine: Machine, name: string, user: string, file?: string): string {
  const target = file ?? join(plan.layout.kubeconfigDir, machine.name, `${name}.conf`);
  // A control-plane machine talks to its own apiserver, a worker to the first one, and each to the next where that is gone.
  const first = plan.masters.includes(machine) ? machine : plan.masters[0];
  const [server = "", ...otherServers] = [first, ...plan.masters.filter((master) => master !== first)].map(
    (master) => `https://${master?.address}:${plan.apiPort}`,
  );
  writeKubeconfig({
    file: target,
    server,
    otherServers,
    authorityFile: plan.pki.authorityFile("kubernetes-ca"),
    user,
    certificate: plan.pki.files(machine.name, name),
  });
  return target;
}

/**
 * The bound of V8's nursery, in MiB. Left to itself it grows under load and stays: the two that carry everybody's load get what
 * measured best (100 MB less at no cost in speed), the others the least.
 */
const youngMiB: Readonly<Record<string, number>> = {
  ...{ store: 8, apiserver: 16 },
  // Thousands of pods that begin at once: with the least, a quarter of the time went into collecting.
  ...{ "controller-manager": 4, "hollow-nodes": 16 },
};

const furtherFlags: Readonly<Record<string, readonly string[]>> = {
  // Who is busy for a minute and then idle for days gives pages of the heap back: without it V8 keeps what it once had.
  "node-agent": ["--optimize-for-size"],
  // One compiler for what is often run: with two, a request costs a tenth more until the second has been everywhere, and no less then.
  apiserver: ["--no-maglev"],
};

/**
 * Node's own flags for a daemon, wherever it is started. The young generation is collected by one thread: its pieces are small, and four
 * that wake each other cost more than they spare where several daemons share two cores (8 % of the apiserver's and the store's CPU).
 */
export const nodeFlagsOf = (name: string): readonly string[] => [
  `--max-semi-space-size=${youngMiB[name] ?? 1}`,
  "--no-parallel-scavenge",
  ...(furtherFlags[name] ?? []),
];

function common(
  name: string,
  machine: Machine,
  readyz: string,
): Pick<ProcessSpec, "name" | "machine" | "entry" | "nodeFlags" | "readyz"> {
  return { name, machine, entry: daemonEntry(name), nodeFlags: nodeFlagsOf(name), readyz };
}

function tlsFlags(pki: ClusterPki, machine: Machine, name: string): string[] {
  const { cert, key } = pki.files(machine.name, name);
  return [`--tls-cert-file=${cert}`, `--tls-private-key-file=${key}`];
}
