// Asks the cluster for a certificate: a key made here, a CertificateSigningRequest, and the wait until somebody has decided
// and signed. Who approves is the cluster's affair; the key never leaves the machine.
import { certificateSigningRequests } from "@coxswain/api/certificates/v1";
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import { ClientError, isGone, isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { KeyPair } from "@coxswain/pki";
import type { WantedCertificate } from "../../core/certificate/plan.ts";
import { AgentError } from "../../errors.ts";

export interface SignerChoice {
  readonly signerName: "kubernetes.io/kube-apiserver-client-kubelet" | "kubernetes.io/kubelet-serving";
  readonly usage: "client auth" | "server auth";
}

export const clientSigner: SignerChoice = {
  signerName: "kubernetes.io/kube-apiserver-client-kubelet",
  usage: "client auth",
};
export const servingSigner: SignerChoice = { signerName: "kubernetes.io/kubelet-serving", usage: "server auth" };

/** After this long without a decision the question is asked anew, with another key; the kubelet's time. */
const patienceMs = 15 * 60_000;
const retryMs = 2_000;

/** Resolves with the signed pair. Throws an AgentError when the request is denied, fails, or nobody decides. */
export async function askForCertificate(
  wanted: WantedCertificate,
  signer: SignerChoice,
  ports: {
    readonly client: Pick<Client, "resource">;
    readonly clock: Clock;
    readonly asked?: (name: string) => void;
  },
  signal: AbortSignal,
): Promise<KeyPair> {
  const api = ports.client.resource(certificateSigningRequests);
  // X.509 costs some megabytes, and most agents ask twice a year.
  const { createCertificateRequest } = await import("@coxswain/pki");
  const { request, key } = await createCertificateRequest(wanted);
  const made = await api.create(
    {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: "", generateName: "csr-" },
      spec: {
        request: Buffer.from(request).toString("base64"),
        signerName: signer.signerName,
        usages: ["digital signature", signer.usage],
      },
    },
    { signal },
  );
  const name = made.metadata.name ?? "";
  ports.asked?.(name);
  const tooLate = new AbortController();
  const timer = ports.clock.setTimeout(
    () => tooLate.abort(new AgentError("certificate", `nobody has decided on certificate signing request ${name}`)),
    patienceMs,
  );
  const until = AbortSignal.any([signal, tooLate.signal]);
  try {
    for (;;) {
      const certificate = await followOnce(api, name, until);
      if (certificate !== undefined) return { certificate, key };
      await ports.clock.sleep(retryMs, until);
    }
  } catch (error) {
    if (tooLate.signal.aborted && !signal.aborted) throw tooLate.signal.reason;
    throw error;
  } finally {
    timer.cancel();
  }
}

/** One look and one watch; `undefined` when the watch ended without a decision. */
async function followOnce(
  api: ReturnType<Client["resource"]>,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const present = (await api.get({ name }, { signal })) as CertificateSigningRequest;
    const decided = decisionOn(present);
    if (decided !== undefined) return decided;
    const { resourceVersion } = present.metadata;
    for await (const event of api.watch({ fieldSelector: `metadata.name=${name}`, resourceVersion, signal })) {
      if (event.type === "DELETED") throw gone(name);
      const certificate = decisionOn(event.object as CertificateSigningRequest);
      if (certificate !== undefined) return certificate;
    }
    return undefined;
  } catch (error) {
    if (isNotFound(error)) throw gone(name);
    // A server that is away for a moment, or a history that is too old: look again.
    if (!signal.aborted && (error instanceof ClientError || isGone(error))) return undefined;
    throw error;
  }
}

function decisionOn({ metadata, status }: CertificateSigningRequest): string | undefined {
  for (const { type, reason = "", message = "" } of status?.conditions ?? [])
    if (type === "Denied" || type === "Failed")
      throw new AgentError(
        "certificate",
        `certificate signing request ${metadata.name} was ${type === "Denied" ? "denied" : "not signed"}: ${reason} ${message}`.trimEnd(),
      );
  return status?.certificate ? Buffer.from(status.certificate, "base64").toString() : undefined;
}

function gone(name: string): AgentError {
  return new AgentError("certificate", `certificate signing request ${name} was deleted before it was decided on`);
}
