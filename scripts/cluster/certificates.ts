// Certificates and keys on disk: made once, renewed when less than two thirds of their life is left, never shown.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "@coxswain/clock";
import {
  authorityNames,
  authorityValidityMs,
  createAuthority,
  createServiceAccountKey,
  openAuthority,
  planControlPlaneCertificates,
  planNodeCertificates,
} from "@coxswain/pki";
import type { Authority, AuthorityName, PlannedCertificate } from "@coxswain/pki";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface ClusterPki {
  authorityFile(name: AuthorityName): string;
  authorityKeyFile(name: AuthorityName): string;
  readonly serviceAccountKey: { readonly privateKey: string; readonly publicKey: string };
  /** Files of a certificate of the control-plane host or node called `owner`. */
  files(owner: string, name: string): CertificateFiles;
  ensureControlPlane(owner: string, hosts: readonly string[], kubernetesServiceAddress: string): Promise<void>;
  ensureNode(owner: string, hosts: readonly string[]): Promise<void>;
}

export async function openPki(pkiDir: string): Promise<ClusterPki> {
  mkdirSync(pkiDir, { recursive: true, mode: 0o700 });
  const at = (...parts: string[]): string => join(pkiDir, ...parts);
  const authorities = new Map<AuthorityName, Authority>();
  for (const name of authorityNames) {
    const [certFile, keyFile] = [at(`${name}.crt`), at(`${name}.key`)];
    if (!existsSync(certFile)) {
      const pair = await createAuthority(name, authorityValidityMs, systemClock);
      writeSecret(keyFile, pair.key);
      writePublic(certFile, pair.certificate);
    }
    authorities.set(name, await openAuthority({ certificate: read(certFile), key: read(keyFile) }, systemClock));
  }
  const serviceAccountKey = { privateKey: at("sa.key"), publicKey: at("sa.pub") };
  if (!existsSync(serviceAccountKey.publicKey)) {
    const pair = createServiceAccountKey();
    writeSecret(serviceAccountKey.privateKey, pair.privateKey);
    writePublic(serviceAccountKey.publicKey, pair.publicKey);
  }
  const files = (owner: string, name: string): CertificateFiles => ({
    cert: at(owner, `${name}.crt`),
    key: at(owner, `${name}.key`),
  });

  const ensure = async (owner: string, planned: readonly PlannedCertificate[]): Promise<void> => {
    await Promise.all(
      planned.map(async (certificate) => {
        const { cert, key } = files(owner, certificate.name);
        if (existsSync(cert) && existsSync(key) && stillGood(read(cert), certificate)) return;
        const authority = authorities.get(certificate.authority);
        if (!authority) throw new Error(`no authority ${certificate.authority}`);
        const pair = await authority.issue(certificate.request);
        writeSecret(key, pair.key);
        writePublic(cert, pair.certificate);
      }),
    );
  };

  return {
    authorityFile: (name) => at(`${name}.crt`),
    authorityKeyFile: (name) => at(`${name}.key`),
    serviceAccountKey,
    files,
    ensureControlPlane: (owner, hosts, kubernetesServiceAddress) =>
      ensure(owner, planControlPlaneCertificates({ hosts, kubernetesServiceAddress, clusterDomain: "cluster.local" })),
    ensureNode: (owner, hosts) => ensure(owner, planNodeCertificates(owner, hosts)),
  };
}

/** Young enough, and valid for every name that is asked for today: a machine's address may have changed. */
function stillGood(pem: string, planned: PlannedCertificate): boolean {
  const certificate = new X509Certificate(pem);
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (systemClock.now() > from + (to - from) / 3) return false;
  return (planned.request.hosts ?? []).every((host) =>
    /^[\d.]+$|:/.test(host) ? certificate.checkIP(host) !== undefined : certificate.checkHost(host) !== undefined,
  );
}

function read(file: string): string {
  return readFileSync(file, "utf8");
}

function writeSecret(file: string, text: string): void {
  writeWhole(file, text, 0o600);
}

function writePublic(file: string, text: string): void {
  writeWhole(file, text, 0o644);
}

/** Never leaves half a file behind. */
export function writeWhole(file: string, text: string, mode: number): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.part`, text, { mode });
  renameSync(`${file}.part`, file);
}
