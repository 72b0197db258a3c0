// From nothing to a cluster whose demo answers, in phases that may overlap. It does not care where machines come from.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { nodes } from "@coxswain/api/core/v1";
import type { Node } from "@coxswain/api/core/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { DemoAnswers } from "./ask-demo.ts";
import { openPki } from "./certificates.ts";
import { Failure } from "./failure.ts";
import { projectRoot } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { assertPortFree } from "./machine.ts";
import type { Machine } from "./machine.ts";
import { applyManifests } from "./manifests.ts";
import type { StartOptions } from "./options.ts";
import {
  clusterDnsAddress,
  clusterDomain,
  controlPlanePorts,
  controlPlaneProcesses,
  hollowMachine,
  hollowProcess,
  kubernetesServiceAddress,
  nodePorts,
  nodeProcesses,
  writeAdminKubeconfig,
} from "./processes.ts";
import type { ClusterPlan } from "./processes.ts";
import type { Progress } from "./progress.ts";
import { createSupervisor } from "./supervisor.ts";
import type { Supervisor } from "./supervisor.ts";

export interface Machines {
  readonly masters: readonly Machine[];
  readonly workers: readonly Machine[];
}

/** For a loaded machine that compiles its sources the first time, with six machines in its lab. */
const readyTimeoutMs = 120_000;
const demoTimeoutMs = 60_000;

/** Makes certificates and kubeconfigs for every machine; what is there and good is kept. */
export async function planCluster(layout: Layout, options: StartOptions, machines: Machines): Promise<ClusterPlan> {
  const pki = await openPki(layout.pkiDir);
  const { masters, workers } = machines;
  await Promise.all([
    ...masters.map(({ name, address }) =>
      pki.ensureControlPlane(name, [name, "localhost", "127.0.0.1", address], kubernetesServiceAddress),
    ),
    ...workers.map(({ name, address }) => pki.ensureNode(name, [address])),
    ...(options.hollow > 0 ? [pki.ensureNode(hollowMachine, ["127.0.0.1"])] : []),
  ]);
  const plan = {
    layout,
    pki,
    apiPort: options.port,
    masters,
    proxyMode: options.proxyMode,
    profile: options.profile,
    nodeGrace: options.nodeGrace,
  };
  writeAdminKubeconfig(plan);
  return plan;
}

/** Refuses a port that a stranger holds, before anything is started. */
export async function assertPortsFree(apiPort: number): Promise<void> {
  const wanted = { [apiPort]: "apiserver", ...controlPlanePorts, ...nodePorts };
  for (const [port, purpose] of Object.entries(wanted)) await assertPortFree(Number(port), purpose);
}

export function createClusterSupervisor(plan: ClusterPlan, onChange: () => void): Supervisor {
  return createSupervisor({
    logDir: plan.layout.logDir,
    node: process.execPath,
    environment: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(projectRoot, ".cache", "compile"),
    },
    authorities: [plan.pki.authorityFile("kubernetes-ca"), plan.pki.authorityFile("etcd-ca")].map((file) =>
      readFileSync(file, "utf8"),
    ),
    onChange,
  });
}

/** Starts every daemon in its order; the nodes' start while the control plane's are still becoming ready. */
export async function startDaemons(
  plan: ClusterPlan,
  machines: Machines,
  supervisor: Supervisor,
  progress: Progress,
  hollow: number,
): Promise<void> {
  const controlPlanes = machines.masters.map((machine) => controlPlaneProcesses(plan, machine));
  const [master] = machines.masters;
  const nodeSpecs =
    hollow > 0 && master
      ? [hollowProcess(plan, master, hollow)]
      : machines.workers.flatMap((machine) => nodeProcesses(plan, machine));
  for (const name of ["store", "apiserver"]) {
    await progress.phase(name, async () => {
      const specs = controlPlanes.flat().filter((spec) => spec.name === name);
      for (const spec of specs) supervisor.start(spec);
      await Promise.all(specs.map((spec) => supervisor.whenReady(spec, readyTimeoutMs)));
    });
  }
  const rest = [
    ...controlPlanes.flat().filter((spec) => spec.name !== "store" && spec.name !== "apiserver"),
    ...nodeSpecs,
  ];
  for (const spec of rest) supervisor.start(spec);
  const names = [...new Set(rest.map((spec) => spec.name))];
  await Promise.all(
    names.map((name) =>
      progress.phase(name, async () => {
        await Promise.all(
          rest.filter((spec) => spec.name === name).map((spec) => supervisor.whenReady(spec, readyTimeoutMs)),
        );
      }),
    ),
  );
}

export function adminClient(layout: Layout): Client {
  const config = loadKubeconfig(layout.adminKubeconfig, { userAgent: "coxswain-start" });
  return createClient(config, { clock: systemClock });
}

/** Resolves when so many nodes say that they are ready; follows the API rather than asking again and again. */
export async function whenNodesReady(client: Client, count: number, signal: AbortSignal): Promise<void> {
  const resource = client.resource(nodes);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)]);
  const ready = new Set<string>();
  const consider = (node: Node): void => {
    const isReady = node.status?.conditions?.some(
      (condition) => condition.type === "Ready" && condition.status === "True",
    );
    if (isReady && node.metadata.name) ready.add(node.metadata.name);
  };
  const listed = await resource.list({ signal: limit });
  listed.items.forEach(consider);
  if (ready.size >= count) return;
  const since = listed.metadata.resourceVersion;
  try {
    for await (const event of resource.watch({
      ...(since === undefined ? {} : { resourceVersion: since }),
      signal: limit,
    })) {
      if (event.type === "ADDED" || event.type === "MODIFIED") consider(event.object);
      if (ready.size >= count) return;
    }
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  signal.throwIfAborted();
  throw new Failure(
    `${ready.size} of ${count} nodes are ready after ${readyTimeoutMs / 1000} s; \`npm run logs -- node-agent\` says more`,
  );
}

export async function applyAddons(client: Client, signal: AbortSignal): Promise<void> {
  for (const file of ["kube-dns.yaml", "local-storage.yaml"])
    await applyManifests(client, join(projectRoot, "deploy", "addons", file), signal);
}

export function applyDemo(client: Client, signal: AbortSignal): Promise<void> {
  return applyManifests(client, join(projectRoot, "deploy", "demo", "demo.yaml"), signal);
}

/** Asks the demo by its service's DNS name, from inside `machine`, until two pods have answered. */
export async function askDemo(machine: Machine): Promise<DemoAnswers> {
  const script = join(projectRoot, "scripts", "cluster", "ask-demo.ts");
  const args = [script, `web.demo.svc.${clusterDomain}`, clusterDnsAddress, String(demoTimeoutMs)];
  const child = machine.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (out === "") throw new Failure(`the demo does not answer: ${err.trim()}`);
  return JSON.parse(out) as DemoAnswers;
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let whole = "";
  for await (const chunk of stream ?? []) whole += String(chunk);
  return whole;
}

/** The topology of the cluster on this data directory; a later start must not silently build another one on top of it. */
export function agreeOnTopology(layout: Layout, options: StartOptions): void {
  const { workers, masters, hollow } = options;
  const wanted = { workers, masters, ...(hollow > 0 && { hollow }) };
  if (!existsSync(layout.clusterFile)) {
    writeFileSync(layout.clusterFile, `${JSON.stringify(wanted)}\n`);
    return;
  }
  const found = JSON.parse(readFileSync(layout.clusterFile, "utf8")) as typeof wanted;
  // A hollow cluster may have another number of nodes the next time, as machines come and go.
  const isHollow = (of: typeof wanted): boolean => of.hollow !== undefined;
  if (found.workers === workers && found.masters === masters && isHollow(found) === isHollow(wanted)) return;
  const words = (of: typeof wanted): string =>
    isHollow(of)
      ? "simulated nodes"
      : of.workers === 0
        ? "one machine"
        : `${of.masters} masters and ${of.workers} workers`;
  throw new Failure(
    `the cluster in ${layout.dataDir} has ${words(found)}, not ${words(wanted)}; \`npm run reset\` forgets it, --data-dir starts another`,
  );
}
