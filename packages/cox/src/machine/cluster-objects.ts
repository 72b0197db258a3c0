// What a cluster keeps about itself in its API, so that further machines can join: who may ask for what, where the masters are, and the
// addons that belong to every cluster. Written by each master's keeper; doing it again changes nothing.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadAll } from "js-yaml";
import type { Client } from "@coxswain/client";
import type { Random } from "@coxswain/clock";
import { apply, paths, read, send } from "./api.ts";
import { filesOf, kubeconfigText, masterTaint } from "./daemons.ts";
import type { Invitation } from "./invitation.ts";
import { joinersGroup, sharedSecret, sharedSecretName, tokenSecret, tokenShape } from "./invitation.ts";
import type { MachineRecord, NamedAddress } from "./record.ts";
import { mastersIn } from "./setup.ts";

const rbac = "rbac.authorization.k8s.io";
const nodes = { kind: "Group", name: "system:nodes", apiGroup: rbac };
const joiners = { kind: "Group", name: joinersGroup, apiGroup: rbac };

/** Rights: to find the cluster without a name, and to ask for certificates with a token. */
export async function ensureRights(client: Client, signal: AbortSignal): Promise<void> {
  const clusterBinding = (name: string, role: string, subject: object): Promise<void> =>
    apply(
      client,
      paths.clusterRoleBinding(name),
      {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRoleBinding",
        metadata: { name },
        roleRef: { apiGroup: rbac, kind: "ClusterRole", name: role },
        subjects: [subject],
      },
      signal,
    );
  const role = async (
    namespace: string,
    name: string,
    rules: readonly object[],
    ...subjects: readonly object[]
  ): Promise<void> => {
    const metadata = { name, namespace };
    await apply(
      client,
      paths.role(namespace, name),
      { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules },
      signal,
    );
    const binding = {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects,
    };
    await apply(client, paths.roleBinding(namespace, name), binding, signal);
  };
  const reading = (resource: string, ...resourceNames: readonly string[]): object => ({
    apiGroups: [""],
    resources: [resource],
    verbs: ["get"],
    ...(resourceNames.length > 0 ? { resourceNames } : {}),
  });
  const signer = "system:certificates.k8s.io:certificatesigningrequests";
  const anyone = { kind: "User", name: "system:anonymous", apiGroup: rbac };
  await apply(
    client,
    paths.clusterRole("coxswain:get-nodes"),
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: "coxswain:get-nodes" },
      rules: [reading("nodes")],
    },
    signal,
  );
  await Promise.all([
    clusterBinding("coxswain:get-nodes", "coxswain:get-nodes", joiners),
    clusterBinding("coxswain:node-bootstrapper", "system:node-bootstrapper", joiners),
    clusterBinding("coxswain:node-client", `${signer}:nodeclient`, joiners),
    clusterBinding("coxswain:node-renewal", `${signer}:selfnodeclient`, nodes),
    role("kube-public", "coxswain:cluster-info", [reading("configmaps", "cluster-info")], anyone, nodes),
    role(
      "kube-system",
      "coxswain:joiners",
      [reading("secrets", sharedSecretName), reading("configmaps", "coxswain-config")],
      joiners,
    ),
  ]);
}

/** This master among the others; answers them all. */
export async function ensureMaster(
  client: Client,
  record: MachineRecord,
  signal: AbortSignal,
): Promise<readonly NamedAddress[]> {
  const etcdServers = record.store?.kind === "external" ? { etcdServers: record.store.servers.join(",") } : {};
  const pace = record.profile === undefined ? {} : { profile: record.profile };
  const own = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "coxswain-config", namespace: "kube-system" },
    data: { [`master.${record.name}`]: record.address, apiPort: String(record.apiPort), ...etcdServers, ...pace },
  };
  const path = paths.configMap("coxswain-config");
  const there = (await read(client, path, signal)) as { data?: Record<string, string> } | undefined;
  if (record.restored) await settleTaint(client, record, signal);
  if (record.restored && there !== undefined) await send(client, "DELETE", path, undefined, signal);
  if (record.restored || Object.entries(own.data).some(([name, value]) => there?.data?.[name] !== value)) {
    // Each master owns its own line, so that none removes another's.
    const answer = await client.request({
      method: "PATCH",
      path,
      query: { fieldManager: `coxswain-${record.name}`, force: true },
      body: JSON.stringify(own),
      contentType: "application/apply-patch+yaml",
      signal,
    });
    if (answer.status >= 400) throw new Error(`coxswain-config is refused: ${answer.text()}`);
  }
  const now = (await read(client, path, signal)) as { data?: Record<string, string> } | undefined;
  return mastersIn(now?.data ?? {});
}

/** The public description of the cluster that tokens sign. */
export async function ensureClusterInfo(
  client: Client,
  record: MachineRecord,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const servers = [...record.masters].map(({ address }) => `https://${address}:${record.apiPort}`);
  const authority = { data: readFileSync(filesOf(directory).cert("kubernetes-ca"), "utf8") };
  const kubeconfig = kubeconfigText({ servers, authority });
  const there = (await read(client, paths.clusterInfo, signal)) as { data?: Record<string, string> } | undefined;
  if (there?.data?.["kubeconfig"] === kubeconfig) return;
  const metadata = { name: "cluster-info", namespace: "kube-public" };
  await apply(
    client,
    paths.clusterInfo,
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { kubeconfig } },
    signal,
  );
}

/** The token and, where this master holds all of them, the masters' files. */
export async function offer(
  client: Client,
  directory: string,
  invitation: Invitation,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const id = tokenShape.exec(invitation.token)?.[1] ?? "";
  const path = paths.secret(`bootstrap-token-${id}`);
  if ((await read(client, path, signal)) === undefined) await apply(client, path, tokenSecret(invitation), signal);
  await apply(client, paths.secret(sharedSecretName), sharedSecret(directory, invitation, random), signal);
}

/** The label by which a master is known; a node may not give it to itself. */
export async function ensureMasterLabel(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const node = (await read(client, paths.node(name), signal)) as
    { metadata: { labels?: Record<string, string> } } | undefined;
  if (node === undefined) return false;
  if (node.metadata.labels?.[masterTaint] !== undefined) return true;
  const body = { metadata: { labels: { [masterTaint]: "" } } };
  await client.request({
    method: "PATCH",
    path: paths.node(name),
    body,
    contentType: "application/merge-patch+json",
    signal,
  });
  return true;
}

interface ShownNode {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: { readonly taints?: readonly { readonly key: string; readonly effect: string }[] };
}

/** A node takes its taints when it is made. One that a backup has made is as it was then, whatever its machine is to be now. */
async function settleTaint(client: Client, record: MachineRecord, signal: AbortSignal): Promise<void> {
  const node = (await read(client, paths.node(record.name), signal)) as ShownNode | undefined;
  const taints = node?.spec?.taints ?? [];
  if (node === undefined || taints.some(({ key }) => key === masterTaint) === record.tainted) return;
  const others = taints.filter(({ key }) => key !== masterTaint);
  const own = record.tainted ? [{ key: masterTaint, effect: "NoSchedule" }] : [];
  const { resourceVersion } = node.metadata;
  const answer = await client.request({
    method: "PATCH",
    path: paths.node(record.name),
    body: { metadata: { resourceVersion }, spec: { taints: [...others, ...own] } },
    contentType: "application/merge-patch+json",
    signal,
  });
  if (answer.status >= 400) throw new Error(`the taints of ${record.name} are refused: ${answer.text()}`);
}

const addonsFolder = fileURLToPath(new URL("../../../../deploy/addons/", import.meta.url));

const collections: Readonly<Record<string, string>> = {
  Service: "api/v1/namespaces/NAMESPACE/services",
  ConfigMap: "api/v1/namespaces/NAMESPACE/configmaps",
  StorageClass: "apis/storage.k8s.io/v1/storageclasses",
};
/** Those that every cluster has. */
const addonFiles = ["kube-dns.yaml", "local-storage.yaml"] as const;

export async function ensureAddons(client: Client, signal: AbortSignal): Promise<void> {
  for (const file of addonFiles.filter((name) => readdirSync(addonsFolder).includes(name))) {
    const objects = loadAll(readFileSync(join(addonsFolder, file), "utf8")) as {
      kind: string;
      metadata: { name: string; namespace?: string };
    }[];
    for (const object of objects) {
      const collection = collections[object.kind];
      if (collection === undefined) throw new Error(`${file} has a ${object.kind}, which is no addon's kind`);
      const path = `/${collection.replace("NAMESPACE", object.metadata.namespace ?? "default")}/${object.metadata.name}`;
      const there = await read(client, path, signal);
      // Somebody's own in its place: a DNS server as a Deployment has another service.
      if (there?.metadata.labels?.["addonmanager.kubernetes.io/mode"] === "EnsureExists") continue;
      await apply(client, path, object, signal);
    }
  }
}
