// Writes kubeconfig files: a server and those beside it, one user with a client certificate, everything inline so that one file can be
// copied to another machine.
import { readFileSync } from "node:fs";
import type { CertificateFiles } from "./certificates.ts";
import { writeWhole } from "./certificates.ts";

export interface KubeconfigRequest {
  readonly file: string;
  readonly server: string;
  /** Others that serve the same; they stand in an extension that kubectl passes over. */
  readonly otherServers?: readonly string[];
  readonly authorityFile: string;
  readonly user: string;
  readonly certificate: CertificateFiles;
}

export function writeKubeconfig(request: KubeconfigRequest): void {
  const inline = (file: string): string => readFileSync(file).toString("base64");
  const text = `apiVersion: v1
kind: Config
clusters:
  - name: coxswain
    cluster:
      server: ${request.server}
      certificate-authority-data: ${inline(request.authorityFile)}${extension(request.otherServers ?? [])}
users:
  - name: ${JSON.stringify(request.user)}
    user:
      client-certificate-data: ${inline(request.certificate.cert)}
      client-key-data: ${inline(request.certificate.key)}
contexts:
  - name: coxswain
    context:
      cluster: coxswain
      user: ${JSON.stringify(request.user)}
current-context: coxswain
`;
  writeWhole(request.file, text, 0o600);
}

const extension = (servers: readonly string[]): string =>
  servers.length === 0
    ? ""
    : `
      extensions:
        - name: coxswain.io/servers
          extension: { servers: ${JSON.stringify(servers)} }`;
