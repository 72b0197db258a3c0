// The three controllers of certificate requests: one grants what node agents ask for, one signs what was granted, one clears away. They are
// told apart by name in `--controllers`, as Kubernetes has them.
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { certificateSigningRequests } from "@coxswain/api/certificates/v1";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "@coxswain/api/certificates/v1";
import { subjectAccessReviews } from "@coxswain/api/authorization/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { ReconcileResult } from "@coxswain/controller";
import type { Authority, CertificateRequest } from "@coxswain/pki";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { recognize } from "./approval.ts";
import { endOf } from "./cleaning.ts";
import { leafOf, signerRefusal, waitsForUs } from "./signing.ts";

/** X.509 costs some megabytes; most processes never see a request. */
const loadPki = () => import("@coxswain/pki");

type Csr = DeepReadonly<CertificateSigningRequest>;

/** Whether the sender of a request may create this subresource of certificatesigningrequests. */
export type MayCreate = (csr: Csr, subresource: string, signal: AbortSignal) => Promise<boolean>;

export function createCsrApprovingController(
  ports: ControllerPorts,
  mayCreate: MayCreate = askTheServer(ports),
): Controller {
  const { log } = ports;
  return createCsrLoop("certificate_approving", ports, async (csr, signal) => {
    if ((csr.status?.conditions ?? []).length > 0) return;
    const request = await readRequest(csr);
    if (request === undefined) return;
    for (const { subresource, message } of recognize(csr, request)) {
      if (!(await mayCreate(csr, subresource, signal))) continue;
      const condition = { type: "Approved", status: "True", reason: "AutoApproved", message };
      await write(ports, withCondition(csr, condition, ports.clock.now()), "approval", signal);
      log.info({ controller: "csrapproving", object: csr.metadata.name, because: message }, "a request is approved");
      return;
    }
  });
}

function askTheServer({ client }: ControllerPorts): MayCreate {
  const reviews = client.resource(subjectAccessReviews);
  return async ({ spec }, subresource, signal) => {
    const { username: user = "", uid, groups, extra } = spec;
    const resourceAttributes = {
      group: "certificates.k8s.io",
      version: "*",
      resource: "certificatesigningrequests",
      verb: "create",
      subresource,
    };
    const review = await reviews.create(
      {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        metadata: { name: "" },
        spec: { user, uid, groups, extra, resourceAttributes },
      },
      { signal },
    );
    return review.status?.allowed === true;
  };
}

export interface SigningConfig {
  /** PEM files of the authority; read for each signature, so that a new one is taken up. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly longestMs: number;
}

/** Signs nothing where no authority is given. */
export function createCsrSigningController(ports: ControllerPorts, config: SigningConfig | undefined): Controller {
  const { clock, log } = ports;
  const open = async ({ certFile, keyFile }: SigningConfig): Promise<Authority> => {
    const { openAuthority } = await loadPki();
    const [certificate, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
    return openAuthority({ certificate, key }, clock);
  };

  return createCsrLoop("certificate_signing", ports, async (csr, signal) => {
    if (config === undefined || !waitsForUs(csr)) return;
    const request = await readRequest(csr);
    const refusal = request === undefined ? "the request cannot be read" : signerRefusal(csr, request);
    if (request === undefined || refusal !== undefined) {
      const condition = { type: "Failed", status: "True", reason: "SignerValidationFailure", message: refusal ?? "" };
      await write(ports, withCondition(csr, condition, clock.now()), "status", signal);
      return;
    }
    const pem = await (await open(config)).sign(leafOf(csr, request, config.longestMs));
    const certificate = Buffer.from(pem).toString("base64");
    await write(ports, { ...csr, status: { ...csr.status, certificate } }, "status", signal);
    log.info(
      { controller: "csrsigning", object: csr.metadata.name, because: "it was approved" },
      "a request is signed",
    );
  });
}

export function createCsrCleanerController(ports: ControllerPorts): Controller {
  const { client, clock, log } = ports;
  const requests = client.resource(certificateSigningRequests);
  return createCsrLoop("csrcleaner", ports, async (csr, signal) => {
    const end = endOf(csr, certificateEndOf(csr));
    if (end === undefined) return undefined;
    const waitMs = end.atMs - clock.now();
    if (waitMs > 0) return { wakeAfterMs: waitMs };
    const { name, uid = "" } = csr.metadata;
    await requests.delete({ name }, { preconditions: { uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another one of that name
    });
    log.info({ controller: "csrcleaner", object: name, because: end.because }, "a request is removed");
    return undefined;
  });
}

function createCsrLoop(
  name: string,
  ports: ControllerPorts,
  judge: (csr: Csr, signal: AbortSignal) => Promise<ReconcileResult | void>,
): Controller {
  const requests = ports.informers.certificateSigningRequests();
  return createLoop(
    {
      name,
      watches: [wakeOn(requests, (csr) => [objectKey(csr)])],
      reconcile: async (key, signal) => {
        const csr = requests.get(key);
        return csr === undefined || csr.metadata.deletionTimestamp !== undefined ? undefined : judge(csr, signal);
      },
    },
    ports,
  );
}

async function write(
  { client }: ControllerPorts,
  csr: Csr,
  subresource: "approval" | "status",
  signal: AbortSignal,
): Promise<void> {
  await client.resource(certificateSigningRequests).update(csr, { subresource, signal });
}

function withCondition(
  csr: Csr,
  condition: Omit<CertificateSigningRequestCondition, "lastUpdateTime" | "lastTransitionTime">,
  nowMs: number,
): Csr {
  const now = rfc3339(nowMs);
  const stamped = { ...condition, lastUpdateTime: now, lastTransitionTime: now };
  return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), stamped] } };
}

/** Undefined for what is no request; validation lets none in, but another API server may have. */
async function readRequest({ spec }: Csr): Promise<CertificateRequest | undefined> {
  const { parseCertificateRequest } = await loadPki();
  try {
    return parseCertificateRequest(Buffer.from(spec.request, "base64").toString());
  } catch {
    return undefined;
  }
}

function certificateEndOf({ status }: Csr): number | undefined {
  if (!status?.certificate) return undefined;
  try {
    return new X509Certificate(Buffer.from(status.certificate, "base64")).validToDate.getTime();
  } catch {
    return undefined; // Of a signer that writes something else.
  }
}
