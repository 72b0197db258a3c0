// Certificates of a machine that holds the authorities' keys: a master (or a store host, for the store's authority alone). Made once, made
// again when a third of their life is over or the machine's names have changed; daemons read the files again by themselves.
import { X509Certificate, createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import {
  authorityNames,
  authorityValidityMs,
  createAuthority,
  createServiceAccountKey,
  openAuthority,
  planControlPlaneCertificates,
  planNodeCertificates,
} from "@coxswain/pki";
import type { AuthorityName, PlannedCertificate } from "@coxswain/pki";
import { cluster, filesOf } from "./daemons.ts";
import { writeWhole } from "./files.ts";
import type { MachineRecord } from "./record.ts";

/** The cluster's own identity. */
export const clusterFiles = ["kubernetes-ca.crt", "kubernetes-ca.key", "sa.pub", "sa.key"] as const;
/** The authority of a store that is the cluster's own. */
export const storeAuthorityFiles = ["etcd-ca.crt", "etcd-ca.key"] as const;
/** The authority by which servers of other groups believe an apiserver whom it speaks for; a machine of an older cluster has none yet. */
export const frontProxyFiles = ["front-proxy-ca.crt", "front-proxy-ca.key"] as const;
/** Who signs for the store is elsewhere: then a client's certificate was given to the first master. */
const storeClientFiles = ["etcd-ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key"] as const;

/** All that a master may hand on to another. */
export const sharedFiles: readonly string[] = [
  ...new Set([...clusterFiles, ...frontProxyFiles, ...storeAuthorityFiles, ...storeClientFiles]),
];

/** What masters must have alike, as this one has it: made or given at `init`, and handed on encrypted. */
export function sharedFilesOf(directory: string): readonly string[] {
  const ofStore = existsSync(filesOf(directory).key("etcd-ca")) ? storeAuthorityFiles : storeClientFiles;
  const ofProxies = existsSync(filesOf(directory).key("front-proxy-ca")) ? frontProxyFiles : [];
  return [...clusterFiles, ...ofProxies, ...ofStore];
}

/** Makes the authorities and the key of service accounts; what is there stays. */
export async function ensureAuthorities(
  directory: string,
  names: readonly AuthorityName[],
  clock: Clock,
): Promise<void> {
  const { cert, key } = filesOf(directory);
  for (const name of names) {
    if (existsSync(cert(name)) && existsSync(key(name))) continue;
    const pair = await createAuthority(name, authorityValidityMs, clock);
    writeWhole(key(name), pair.key, 0o600);
    writeWhole(cert(name), pair.certificate, 0o644);
  }
  if (!names.includes("kubernetes-ca")) return;
  const [publicKey, privateKey] = [join(directory, "pki", "sa.pub"), join(directory, "pki", "sa.key")];
  if (existsSync(publicKey) && existsSync(privateKey)) return;
  const pair = createServiceAccountKey();
  writeWhole(privateKey, pair.privateKey, 0o600);
  writeWhole(publicKey, pair.publicKey, 0o644);
}

/** The certificates that this machine issues to itself. */
export function plannedFor(record: MachineRecord): readonly PlannedCertificate[] {
  if (record.role === "worker") return [];
  const hosts = [record.name, "localhost", "127.0.0.1", record.address, ...record.apiHosts];
  const controlPlane = planControlPlaneCertificates({
    hosts,
    kubernetesServiceAddress: cluster.kubernetesServiceAddress,
    clusterDomain: cluster.domain,
  });
  if (record.role === "store") return controlPlane.filter(({ authority }) => authority === "etcd-ca");
  return [...controlPlane, ...planNodeCertificates(record.name, [record.address])];
}

/** Issues what is missing, old, or of other names; answers the names of those. */
export async function ensureCertificates(
  record: MachineRecord,
  directory: string,
  clock: Clock,
  force = false,
): Promise<readonly string[]> {
  const { cert, key } = filesOf(directory);
  // What was set up, handed on or backed up before there was such an authority: each master may have its own, others are told of all.
  if (record.role === "master") await ensureAuthorities(directory, ["front-proxy-ca"], clock);
  const renewed: string[] = [];
  for (const name of authorityNames) {
    const planned = plannedFor(record).filter(({ authority }) => authority === name);
    if (planned.length === 0 || !existsSync(key(name))) continue;
    const pair = { certificate: readFileSync(cert(name), "utf8"), key: readFileSync(key(name), "utf8") };
    const authority = await openAuthority(pair, clock);
    for (const certificate of planned) {
      const file = cert(certificate.name);
      const there = existsSync(file) && existsSync(key(certificate.name));
      if (!force && there && isGood(readFileSync(file, "utf8"), certificate, clock.now())) continue;
      const issued = await authority.issue(certificate.request);
      writeWhole(key(certificate.name), issued.key, 0o600);
      writeWhole(file, issued.certificate, 0o644);
      renewed.push(certificate.name);
    }
  }
  return renewed;
}

function isGood(pem: string, planned: PlannedCertificate, nowMs: number): boolean {
  const certificate = new X509Certificate(pem);
  if (isDue(certificate, nowMs)) return false;
  return (planned.request.hosts ?? []).every((host) =>
    /^[\d.]+$|:/.test(host) ? certificate.checkIP(host) !== undefined : certificate.checkHost(host) !== undefined,
  );
}

/** A third of its life is over. */
export function isDue(certificate: X509Certificate, nowMs: number): boolean {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return nowMs > from + (to - from) / 3;
}

/** "sha256:…" of the authority's public key, as kubeadm's --discovery-token-ca-cert-hash. */
export function pinOf(authorityPem: string): string {
  const key = new X509Certificate(authorityPem).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

export interface CertificateView {
  readonly name: string;
  readonly subject: string;
  readonly issuer: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly daysLeft: number;
  readonly isAuthority: boolean;
}

/** Every certificate of this machine. */
export function listCertificates(directory: string, nowMs: number): readonly CertificateView[] {
  const folder = join(directory, "pki");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".crt"))
    .sort()
    .map((file) => {
      const certificate = new X509Certificate(readFileSync(join(folder, file), "utf8"));
      const toMs = certificate.validToDate.getTime();
      return {
        name: file.slice(0, -".crt".length),
        subject: certificate.subject.replaceAll("\n", ", "),
        issuer: certificate.issuer.replaceAll("\n", ", "),
        fromMs: certificate.validFromDate.getTime(),
        toMs,
        daysLeft: Math.floor((toMs - nowMs) / 86_400_000),
        isAuthority: certificate.ca,
      };
    });
}
