// Certificates of a machine that does not hold the authority's key: it makes a key, asks the cluster to sign, and waits. The node's client
// certificate is approved by the controller manager, the others by a master's keeper (approval.ts). Renewal goes the same way.
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Clock, Random } from "@coxswain/clock";
import { createClient } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { createCertificateRequest } from "@coxswain/pki";
import { paths, read, send } from "./api.ts";
import { isDue } from "./certificates.ts";
import { filesOf } from "./daemons.ts";
import { MachineError } from "./failure.ts";
import { writeWhole } from "./files.ts";
import type { MachineRecord } from "./record.ts";
import { endpointsOf } from "./record.ts";

interface WantedCertificate {
  readonly name: string;
  readonly signer: string;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly hosts: readonly string[];
  readonly usages: readonly string[];
}

export interface RequestPorts {
  readonly clock: Clock;
  readonly random: Random;
}

const clientUsages = ["digital signature", "client auth"];
const approvalTimeoutMs = 30_000;

function wantedFor({ name, address }: MachineRecord): readonly WantedCertificate[] {
  const node = { commonName: `system:node:${name}`, organizations: ["system:nodes"] };
  const apiClient = {
    signer: "kubernetes.io/kube-apiserver-client",
    organizations: [],
    hosts: [],
    usages: clientUsages,
  };
  return [
    {
      name: "node-agent",
      signer: "kubernetes.io/kube-apiserver-client-kubelet",
      ...node,
      hosts: [],
      usages: clientUsages,
    },
    {
      name: "node-serving",
      signer: "kubernetes.io/kubelet-serving",
      ...node,
      hosts: [name, address],
      usages: ["digital signature", "server auth"],
    },
    { name: "proxy", commonName: "system:kube-proxy", ...apiClient },
    { name: "dns", commonName: "system:coredns", ...apiClient },
  ];
}

/** Asks for what is missing or due; `token` lets in a machine that has no certificate yet. Answers the names of what is new. */
export async function ensureRequested(
  record: MachineRecord,
  directory: string,
  token: string | undefined,
  ports: RequestPorts,
  signal: AbortSignal,
  force = false,
): Promise<readonly string[]> {
  const { cert, key } = filesOf(directory);
  const nowMs = ports.clock.now();
  const due = wantedFor(record).filter(({ name }) => {
    if (force || !existsSync(cert(name)) || !existsSync(key(name))) return true;
    return isDue(new X509Certificate(readFileSync(cert(name), "utf8")), nowMs);
  });
  if (due.length === 0) return [];
  const base = { servers: endpointsOf(record), ca: { file: cert("kubernetes-ca") }, userAgent: "cox-join" };
  const identity = { cert: { file: cert("node-agent") }, key: { file: key("node-agent") } };
  const ask = async (wanted: readonly WantedCertificate[], client: Client): Promise<void> => {
    try {
      await Promise.all(wanted.map((one) => requestOne(one, record, directory, client, ports, signal)));
    } finally {
      await client.close();
    }
  };
  const first = due.filter(({ name }) => name === "node-agent");
  if (first.length > 0) {
    const known = existsSync(cert("node-agent")) && token === undefined;
    await ask(
      first,
      createClient(known ? { ...base, ...identity } : { ...base, ...(token ? { token: { data: token } } : {}) }, ports),
    );
  }
  const rest = due.filter(({ name }) => name !== "node-agent");
  if (rest.length > 0) await ask(rest, createClient({ ...base, ...identity }, ports));
  return due.map(({ name }) => name);
}

async function requestOne(
  wanted: WantedCertificate,
  record: MachineRecord,
  directory: string,
  client: Client,
  { clock, random }: RequestPorts,
  signal: AbortSignal,
): Promise<void> {
  const { request, key } = await createCertificateRequest(wanted);
  const name = `${wanted.name}-${record.name}-${random.suffix(5)}`;
  const object = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: { request: Buffer.from(request).toString("base64"), signerName: wanted.signer, usages: wanted.usages },
  };
  await send(client, "POST", paths.requests, object, signal);
  const deadline = clock.monotonic() + approvalTimeoutMs;
  for (let waitMs = 50; clock.monotonic() < deadline; waitMs = Math.min(waitMs * 1.5, 1000)) {
    const { status } = ((await read(client, `${paths.requests}/${name}`, signal)) ?? {}) as {
      status?: { certificate?: string; conditions?: { type: string; message?: string }[] };
    };
    const refused = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
    if (refused)
      throw new MachineError(
        `the cluster refuses this machine the certificate ${wanted.name}: ${refused.message ?? refused.type}`,
      );
    if (status?.certificate) {
      writeWhole(filesOf(directory).key(wanted.name), key, 0o600);
      writeWhole(filesOf(directory).cert(wanted.name), Buffer.from(status.certificate, "base64"), 0o644);
      return;
    }
    await clock.sleep(waitMs, signal);
  }
  throw new MachineError(
    `no master has granted the certificate ${wanted.name} within ${approvalTimeoutMs / 1000} s: is the keeper of a master running?`,
  );
}
