// The whole cluster as one value: machines and what is asked of them, who leads, certificates, and what is in trouble and why. Reads only.
import { connect } from "node:tls";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { addQuantities, compareQuantities, quantityMillis, quantityUnits } from "@coxswain/apimachinery";
import { list, num, part, str, texts } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Session } from "../session.ts";
import type { Cause } from "../why/answer.ts";
import type { Facts } from "../why/facts.ts";
import type { Args } from "../args/flags.ts";
import { readStore } from "./store.ts";
import type { StoreState } from "./store.ts";
import { leaderOf } from "../why/scheduler.ts";
import { why } from "../why/why.ts";

export interface Machine {
  readonly name: string;
  readonly state: string;
  readonly pods: number;
  readonly podsMost: number;
  /** Thousandths of a CPU, and bytes: what pods ask for, what is used (where metrics are served), what there is. */
  readonly cpu: Amount;
  readonly memory: Amount;
}

export interface Amount {
  readonly asked: number;
  readonly used: number | undefined;
  readonly of: number;
}

export interface Trouble {
  readonly object: string;
  readonly namespace: string | undefined;
  readonly state: string;
  /** The last link of the chain of causes. */
  readonly reason: string;
}

export interface Leadership {
  readonly name: string;
  /** "" when nobody leads. */
  readonly holder: string;
  readonly renewedMsAgo: number | undefined;
}

export interface Overview {
  readonly server: string;
  readonly version: string;
  readonly machines: readonly Machine[];
  readonly apiServers: readonly string[];
  /** Checks of the API server that answered, which are not ok. */
  readonly failing: readonly string[];
  readonly leaders: readonly Leadership[];
  readonly store: StoreState;
  readonly certificates: readonly { readonly of: string; readonly until: string }[];
  readonly troubles: readonly Trouble[];
  /** Troubles beyond those that are told. */
  readonly more: number;
  readonly workloads: number;
}

const toldTroubles = 20;
const workloadTypes = ["deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch"];

export async function readOverview(session: Session, facts: Facts, args: Args): Promise<Overview> {
  const [nodes, pods, usage, slices, scheduler, manager, version, checks, served, store, workloads] = await Promise.all(
    [
      facts.list("nodes", undefined),
      facts.list("pods", undefined),
      facts.list("nodes.metrics.k8s.io", undefined),
      facts.list("endpointslices", "default", { labelSelector: "kubernetes.io/service-name=kubernetes" }),
      leaderOf(facts, "kube-scheduler"),
      leaderOf(facts, "kube-controller-manager"),
      session.client.request({ method: "GET", path: "/version", signal: session.signal }),
      session.client.request({
        method: "GET",
        path: "/readyz",
        query: { verbose: true },
        accept: "*/*",
        signal: session.signal,
      }),
      servingCertificate(session),
      readStore(session, args),
      Promise.all(workloadTypes.map((type) => facts.list(type, undefined))),
    ],
  );
  const own = ownCertificate(session);
  const { troubles, more } = await readTroubles(facts, nodes, workloads.flat(), pods);
  const leadership = (name: string, found: Awaited<ReturnType<typeof leaderOf>>): Leadership => ({
    name,
    holder: found?.holder ?? "",
    renewedMsAgo: found === undefined ? undefined : Math.max(0, facts.now - Date.parse(found.renewed)),
  });
  return {
    server: session.client.server(),
    version: str((version.json() as { gitVersion?: string }).gitVersion),
    machines: nodes.map((node) => machineOf(node, pods, usage)),
    apiServers: slices.flatMap((slice) => list(slice["endpoints"]).flatMap((each) => texts(each["addresses"]))),
    failing: checks
      .text()
      .split("\n")
      .filter((line) => line.startsWith("[-]"))
      .map((line) => line.slice(3)),
    leaders: [leadership("scheduler", scheduler), leadership("controller manager", manager)],
    store,
    certificates: [
      ...(served === undefined ? [] : [{ of: "API server", until: served }]),
      ...(own === undefined ? [] : [{ of: "yours", until: own }]),
    ],
    troubles,
    more,
    workloads: workloads.flat().length,
  };
}

function machineOf(node: Obj, pods: readonly Obj[], usage: readonly Obj[]): Machine {
  const { name } = node.metadata;
  const status = part(node["status"]);
  const allocatable = part(status["allocatable"]);
  const own = pods.filter(
    (pod) =>
      part(pod["spec"])["nodeName"] === name && !["Succeeded", "Failed"].includes(str(part(pod["status"])["phase"])),
  );
  const used = part(usage.find(({ metadata }) => metadata.name === name)?.["usage"]);
  const ready = list(status["conditions"]).find((each) => each["type"] === "Ready");
  const state = ready?.["status"] === "True" ? "Ready" : ready?.["status"] === "False" ? "NotReady" : "Silent";
  return {
    name,
    state: part(node["spec"])["unschedulable"] === true ? `${state},cordoned` : state,
    pods: own.length,
    podsMost: num(allocatable["pods"]),
    cpu: {
      asked: own.reduce((sum, pod) => sum + millis(asked(pod, "cpu")), 0),
      used: used["cpu"] === undefined ? undefined : millis(str(used["cpu"])),
      of: millis(str(allocatable["cpu"])),
    },
    memory: {
      asked: own.reduce((sum, pod) => sum + units(asked(pod, "memory")), 0),
      used: used["memory"] === undefined ? undefined : units(str(used["memory"])),
      of: units(str(allocatable["memory"])),
    },
  };
}

const millis = (text: string): number => (text === "" ? 0 : Number(quantityMillis(text)));
const units = (text: string): number => (text === "" ? 0 : Number(quantityUnits(text)));

/** What a pod holds: its containers together, or its largest init container where that is more, and its overhead. */
function asked(pod: Obj, resource: "cpu" | "memory"): string {
  const spec = part(pod["spec"]);
  const of = (container: unknown): string => str(part(part(part(container)["resources"])["requests"])[resource]) || "0";
  const inits = list(spec["initContainers"]);
  const stays = inits.filter((each) => each["restartPolicy"] === "Always");
  const together = [...list(spec["containers"]), ...stays].map(of).reduce(addQuantities, "0");
  const largest = inits.map(of).reduce((most, each) => (compareQuantities(each, most) > 0 ? each : most), "0");
  const own = compareQuantities(largest, together) > 0 ? largest : together;
  return addQuantities(own, str(part(spec["overhead"])[resource]) || "0");
}

async function readTroubles(
  facts: Facts,
  nodes: readonly Obj[],
  workloads: readonly Obj[],
  pods: readonly Obj[],
): Promise<{ readonly troubles: readonly Trouble[]; readonly more: number }> {
  const ownerless = pods.filter((pod) => (pod.metadata.ownerReferences ?? []).length === 0);
  const suspects = [
    ...nodes.filter((node) =>
      list(part(node["status"])["conditions"]).some(
        (each) => (each["type"] === "Ready") !== (each["status"] === "True"),
      ),
    ),
    ...workloads.filter(isSuspect),
    ...ownerless.filter((pod) => {
      const phase = str(part(pod["status"])["phase"]);
      const ready = list(part(pod["status"])["conditions"]).some(
        (each) => each["type"] === "Ready" && each["status"] === "True",
      );
      return phase === "Failed" || (phase !== "Succeeded" && !ready) || pod.metadata.deletionTimestamp !== undefined;
    }),
  ];
  const troubles: Trouble[] = [];
  for (const object of suspects.slice(0, toldTroubles)) {
    const { trouble, state, because, ...named } = await why(facts, object);
    if (trouble) troubles.push({ object: named.object, namespace: named.namespace, state, reason: lastLink(because) });
  }
  return { troubles, more: Math.max(0, suspects.length - toldTroubles) };
}

/** Without asking further: could something be wrong? */
function isSuspect(workload: Obj): boolean {
  const [spec, status] = [part(workload["spec"]), part(workload["status"])];
  if (num(workload.metadata.generation) > num(status["observedGeneration"]) && workload.kind !== "Job") return true;
  if (workload.kind === "Job")
    return list(status["conditions"]).some((each) => each["type"] === "Failed") || num(status["failed"]) > 0;
  if (workload.kind === "DaemonSet") return num(status["numberReady"]) < num(status["desiredNumberScheduled"]);
  return (
    num(status["readyReplicas"]) < num(spec["replicas"] ?? 1) ||
    num(status["updatedReplicas"]) < num(spec["replicas"] ?? 1)
  );
}

/** The first chain to its end: nodes and rules that are listed side by side are told by what stands above them. */
function lastLink(because: readonly Cause[]): string {
  const [first] = because;
  if (first === undefined) return "";
  const below = first.because ?? [];
  return below.length === 1 ? lastLink(below) : `${first.object}: ${first.says}`;
}

/** Until when the API server's certificate is good; undefined over plain HTTP and where it cannot be seen. */
function servingCertificate(session: Session): Promise<string | undefined> {
  const address = new URL(session.clientConfig().servers[0] ?? "http://localhost");
  if (address.protocol !== "https:" || session.clientConfig().proxyUrl !== undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    // Only looked at; what is said over it goes through the client, which checks it.
    const socket = connect(
      { host: address.hostname, port: Number(address.port || 443), rejectUnauthorized: false, timeout: 2_000 },
      () => {
        const { valid_to } = socket.getPeerCertificate();
        socket.destroy();
        resolve(new Date(valid_to).toISOString());
      },
    );
    const fail = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.once("error", fail);
    socket.once("timeout", fail);
  });
}

/** Until when the certificate of the kubeconfig is good. */
function ownCertificate(session: Session): string | undefined {
  const { cert } = session.clientConfig();
  if (cert === undefined) return undefined;
  const pem = "file" in cert ? readFileSync(cert.file, "utf8") : cert.data;
  return new Date(new X509Certificate(pem).validTo).toISOString();
}
