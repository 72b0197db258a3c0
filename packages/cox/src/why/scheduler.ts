// The scheduler's record of a decision, from the scheduler itself: its port is not behind the API, so it is asked on the machines of the
// control plane, with the certificate of the kubeconfig. A scheduler without such records (or out of reach) gives no answer.
import { isIPv6 } from "node:net";
import { createClient } from "@coxswain/client";
import { list, part, str, texts } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Session } from "../session.ts";
import type { Facts } from "./facts.ts";

/** As much of the scheduler's record as is told. */
export interface Decision {
  readonly uid: string;
  readonly time: string;
  readonly attempt: number;
  readonly node?: string;
  readonly because: string;
  readonly nodeCount: number;
  readonly feasible: number;
  readonly rejected: readonly {
    readonly node: string;
    readonly plugin: string;
    readonly reasons: readonly string[];
    readonly detail: string;
    readonly preemptible: boolean;
  }[];
  readonly scored: readonly { readonly node: string; readonly total: number }[];
  readonly preemption?: { readonly message: string; readonly node?: string; readonly victims?: readonly string[] };
}

const schedulerPort = 10259;
const patienceMs = 2_000;

/** Undefined when nobody remembers one of this very pod. */
export async function readDecision(
  session: Session,
  facts: Facts,
  pod: Obj,
  url: string,
): Promise<Decision | undefined> {
  const config = session.clientConfig();
  if (url === "" && config.cert === undefined) return undefined; // the port lets certificates in only
  const servers = url === "" ? await addresses(session, facts) : [url];
  const asked = await Promise.all(servers.map((server) => ask(session, server, pod)));
  return asked.find((decision) => decision !== undefined && decision.uid === pod.metadata.uid);
}

async function ask(session: Session, server: string, pod: Obj): Promise<Decision | undefined> {
  const { ca, cert, key, userAgent } = session.clientConfig();
  const client = createClient(
    {
      servers: [server],
      requestTimeoutMs: patienceMs,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      userAgent,
    },
    session,
  );
  try {
    const path = `/debug/decisions/${pod.metadata.namespace}/${pod.metadata.name}`;
    const answer = await client.request({ method: "GET", path, signal: session.signal });
    return answer.status === 200 ? (answer.json() as Decision) : undefined;
  } catch (error) {
    if (session.signal.aborted) throw error;
    return undefined; // out of reach: the answer says that the numbers are missing
  } finally {
    await client.close();
  }
}

/** The leader runs on one of the machines with an API server. */
async function addresses(session: Session, facts: Facts): Promise<string[]> {
  const hosts = new Set(session.clientConfig().servers.map((server) => new URL(server).hostname));
  const slices = await facts.list("endpointslices", "default", {
    labelSelector: "kubernetes.io/service-name=kubernetes",
  });
  for (const slice of slices)
    for (const each of list(slice["endpoints"])) texts(each["addresses"]).forEach((ip) => hosts.add(ip));
  return [...hosts].map((host) => `https://${isIPv6(host) ? `[${host}]` : host}:${schedulerPort}`);
}

/** "held by master-1, renewed 2s ago": who leads, from the lease. */
export async function leaderOf(
  facts: Facts,
  component: string,
): Promise<{ holder: string; renewed: string } | undefined> {
  const lease = await facts.get("leases", "kube-system", component);
  if (lease === undefined) return undefined;
  const spec = part(lease["spec"]);
  return { holder: str(spec["holderIdentity"]).split("_")[0] ?? "", renewed: str(spec["renewTime"]) };
}
