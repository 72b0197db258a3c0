// Which daemons run on a machine, and with which flags: the wiring of a cluster of machines as values. It writes nothing.
import { join } from "node:path";
import { frontProxyName } from "@coxswain/pki";
import { profileFlags } from "./profiles.ts";
import type { MachineRecord } from "./record.ts";

export const cluster = {
  serviceCidr: "10.96.0.0/12",
  kubernetesServiceAddress: "10.96.0.1",
  dnsAddress: "10.96.0.10",
  podCidr: "10.244.0.0/16",
  domain: "cluster.local",
} as const;

export const masterTaint = "node-role.kubernetes.io/control-plane";

export interface DaemonFlags {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Where a daemon with TLS answers /livez and /readyz. */
export function healthPortOf(name: string, record: MachineRecord): number {
  const port = name === "apiserver" ? record.apiPort : healthPorts[name];
  if (port === undefined) throw new Error(`${name} answers no health checks over TLS`);
  return port;
}

const healthPorts: Readonly<Record<string, number>> = {
  scheduler: 10259,
  "controller-manager": 10257,
  "node-agent": 10250,
  proxy: 10256,
  dns: 9153,
};

/** Files below the machine's directory, by name. */
export function filesOf(directory: string) {
  const at = (...parts: readonly string[]): string => join(directory, ...parts);
  return {
    cert: (name: string): string => at("pki", `${name}.crt`),
    key: (name: string): string => at("pki", `${name}.key`),
    kubeconfig: (name: string): string => at(`${name}.conf`),
    flags: (name: string): string => at("flags", name),
    manifests: at("manifests"),
    manifest: (name: string): string => at("manifests", `${name}.json`),
    store: at("store"),
    at,
  };
}

export function daemonsOf(record: MachineRecord, directory: string): readonly DaemonFlags[] {
  const absent: readonly string[] = record.without ?? [];
  return flagsByRole(record, directory)
    .filter(({ name }) => !absent.includes(name))
    .map(({ name, flags }) => ({ name, flags: [...flags, ...profileFlags(record.profile ?? "default", name)] }));
}

function flagsByRole(record: MachineRecord, directory: string): readonly DaemonFlags[] {
  switch (record.role) {
    case "store":
      return [storeFlags(record, directory)];
    case "worker":
      return nodeDaemons(record, directory, "node-serving");
    case "master": {
      const member = record.store?.kind === "member" ? [storeFlags(record, directory)] : [];
      return [...member, ...controlPlane(record, directory), ...nodeDaemons(record, directory, "node-agent")];
    }
  }
}

function storeFlags(record: MachineRecord, directory: string): DaemonFlags {
  const { cert, key, store } = filesOf(directory);
  const place = record.store;
  if (place?.kind !== "member") throw new Error("a store daemon needs its members");
  const url = (port: number): string => `https://${record.address}:${port}`;
  return {
    name: "store",
    flags: [
      `--name=${record.name}`,
      `--data-dir=${store}`,
      `--listen-client-urls=${url(2379)}`,
      `--advertise-client-urls=${url(2379)}`,
      `--listen-peer-urls=${url(2380)}`,
      `--initial-advertise-peer-urls=${url(2380)}`,
      `--initial-cluster=${place.members.map(({ name, address }) => `${name}=https://${address}:2380`).join(",")}`,
      `--initial-cluster-state=${place.state}`,
      // For health checks on this machine, which have no certificate.
      "--listen-metrics-urls=http://127.0.0.1:2381",
      `--cert-file=${cert("etcd-server")}`,
      `--key-file=${key("etcd-server")}`,
      `--trusted-ca-file=${cert("etcd-ca")}`,
      "--client-cert-auth",
      `--peer-cert-file=${cert("etcd-peer")}`,
      `--peer-key-file=${key("etcd-peer")}`,
      `--peer-trusted-ca-file=${cert("etcd-ca")}`,
      "--peer-client-cert-auth",
    ],
  };
}

/** The stores for this machine's apiserver: its own member first. */
export function storeServers(record: MachineRecord): readonly string[] {
  const place = record.store;
  if (place === undefined) return [];
  if (place.kind === "external") return place.servers;
  const own = place.members.filter(({ name }) => name === record.name);
  const others = place.members.filter(({ name }) => name !== record.name);
  return [...own, ...others].map(({ address }) => `https://${address}:2379`);
}

function controlPlane(record: MachineRecord, directory: string): readonly DaemonFlags[] {
  const { cert, key, kubeconfig } = filesOf(directory);
  const authority = cert("kubernetes-ca");
  const tls = (name: string): string[] => [`--tls-cert-file=${cert(name)}`, `--tls-private-key-file=${key(name)}`];
  return [
    {
      name: "apiserver",
      flags: [
        `--etcd-servers=${storeServers(record).join(",")}`,
        `--etcd-cafile=${cert("etcd-ca")}`,
        `--etcd-certfile=${cert("apiserver-etcd-client")}`,
        `--etcd-keyfile=${key("apiserver-etcd-client")}`,
        `--advertise-address=${record.address}`,
        `--secure-port=${record.apiPort}`,
        ...tls("apiserver"),
        `--client-ca-file=${authority}`,
        "--enable-bootstrap-token-auth",
        `--service-cluster-ip-range=${cluster.serviceCidr}`,
        `--service-account-key-file=${join(directory, "pki", "sa.pub")}`,
        `--service-account-signing-key-file=${join(directory, "pki", "sa.key")}`,
        `--service-account-issuer=https://kubernetes.default.svc.${cluster.domain}`,
        `--kubelet-client-certificate=${cert("apiserver-kubelet-client")}`,
        `--kubelet-client-key=${key("apiserver-kubelet-client")}`,
        `--kubelet-certificate-authority=${authority}`,
        `--proxy-client-cert-file=${cert("front-proxy-client")}`,
        `--proxy-client-key-file=${key("front-proxy-client")}`,
        `--requestheader-client-ca-file=${cert("front-proxy-ca")}`,
        `--requestheader-allowed-names=${frontProxyName}`,
        "--authorization-mode=Node,RBAC",
      ],
    },
    {
      name: "scheduler",
      flags: [`--kubeconfig=${kubeconfig("scheduler")}`, ...tls("scheduler"), `--client-ca-file=${authority}`],
    },
    {
      name: "controller-manager",
      flags: [
        `--kubeconfig=${kubeconfig("controller-manager")}`,
        ...tls("controller-manager"),
        `--client-ca-file=${authority}`,
        `--cluster-cidr=${cluster.podCidr}`,
        `--root-ca-file=${authority}`,
        `--cluster-signing-cert-file=${authority}`,
        `--cluster-signing-key-file=${key("kubernetes-ca")}`,
        `--local-volume-dir=${join(directory, "volumes")}`,
        `--service-account-private-key-file=${join(directory, "pki", "sa.key")}`,
      ],
    },
  ];
}

function nodeDaemons(record: MachineRecord, directory: string, serving: string): readonly DaemonFlags[] {
  const { cert, key, kubeconfig } = filesOf(directory);
  const server = [
    `--tls-cert-file=${cert(serving)}`,
    `--tls-private-key-file=${key(serving)}`,
    `--client-ca-file=${cert("kubernetes-ca")}`,
  ];
  const own = [`--hostname-override=${record.name}`];
  return [
    {
      name: "node-agent",
      flags: [
        `--kubeconfig=${kubeconfig("node-agent")}`,
        ...own,
        `--node-ip=${record.address}`,
        ...(record.role === "master" && record.tainted ? [`--register-with-taints=${masterTaint}=:NoSchedule`] : []),
        `--root-dir=${join(directory, "node-agent")}`,
        ...(record.staticPods ? [`--pod-manifest-path=${filesOf(directory).manifests}`] : []),
        `--local-volume-dir=${join(directory, "volumes")}`,
        `--container-runtime-endpoint=unix://${record.dockerSocket}`,
        "--pod-infra-container-image=coxswain/pause:1",
        `--cluster-dns=${cluster.dnsAddress}`,
        `--cluster-domain=${cluster.domain}`,
        `--cluster-cidr=${cluster.podCidr}`,
        `--resolv-conf=${record.resolvConf}`,
        ...server,
      ],
    },
    {
      name: "proxy",
      flags: [`--kubeconfig=${kubeconfig("proxy")}`, ...own, `--cluster-cidr=${cluster.podCidr}`, ...server],
    },
    {
      name: "dns",
      flags: [
        `--kubeconfig=${kubeconfig("dns")}`,
        `--cluster-domain=${cluster.domain}`,
        `--dns-bind-address=${cluster.dnsAddress}`,
        `--memory-file=${join(directory, "dns", "memory.json")}`,
        `--resolv-conf=${record.resolvConf}`,
        ...server,
      ],
    },
  ];
}

/** Kubeconfigs of a machine's daemons: file name, user, certificate. */
export function kubeconfigsOf(
  record: MachineRecord,
): readonly { readonly name: string; readonly user: string; readonly certificate?: string }[] {
  const node = [
    { name: "node-agent", user: `system:node:${record.name}` },
    { name: "proxy", user: "system:kube-proxy" },
    { name: "dns", user: "system:coredns" },
  ];
  if (record.role === "worker") return node;
  if (record.role === "store") return [];
  return [
    { name: "admin", user: "kubernetes-admin" },
    // The same person for the keeper, by files: a renewed certificate is taken up.
    { name: "keeper", user: "kubernetes-admin", certificate: "admin" },
    { name: "scheduler", user: "system:kube-scheduler" },
    { name: "controller-manager", user: "system:kube-controller-manager" },
    ...node,
  ];
}

/** The text of a kubeconfig with all API servers; certificates as files, so that renewed ones are taken up. */
export function kubeconfigText(options: {
  readonly servers: readonly string[];
  readonly authority: { readonly file: string } | { readonly data: string };
  readonly user?: { readonly name: string; readonly certFile: string; readonly keyFile: string };
  readonly inline?: { readonly cert: string; readonly key: string };
}): string {
  const { servers, authority, user, inline } = options;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const credentials =
    inline === undefined
      ? { "client-certificate": user?.certFile, "client-key": user?.keyFile }
      : { "client-certificate-data": base64(inline.cert), "client-key-data": base64(inline.key) };
  const value = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "coxswain",
        cluster: {
          server: servers[0],
          ...("file" in authority
            ? { "certificate-authority": authority.file }
            : { "certificate-authority-data": base64(authority.data) }),
          ...(servers.length > 1
            ? { extensions: [{ name: "coxswain.io/servers", extension: { servers: servers.slice(1) } }] }
            : {}),
        },
      },
    ],
    ...(user
      ? {
          users: [{ name: user.name, user: credentials }],
          contexts: [{ name: "coxswain", context: { cluster: "coxswain", user: user.name } }],
          "current-context": "coxswain",
        }
      : {}),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
