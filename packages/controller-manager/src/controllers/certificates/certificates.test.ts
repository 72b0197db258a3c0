// Requests for certificates, from the asking to the clearing away.
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateSigningRequests } from "@coxswain/api/certificates/v1";
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import { createAuthority } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createCsrApprovingController, createCsrCleanerController, createCsrSigningController } from "./controllers.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-csr-"));
const signing = { certFile: join(folder, "ca.crt"), keyFile: join(folder, "ca.key"), longestMs: 86_400_000 };
let authority: X509Certificate;
beforeAll(async () => {
  const pair = await createAuthority("kubernetes-ca", 10 * 365 * 86_400_000, createWorld(0).clock);
  writeFileSync(signing.certFile, pair.certificate);
  writeFileSync(signing.keyFile, pair.key);
  authority = new X509Certificate(pair.certificate);
});
afterAll(() => rmSync(folder, { recursive: true }));

function pemOf(subject: string, names = ""): string {
  const extension = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
  return execFileSync(
    "openssl",
    [
      ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", "/dev/null", "-subj", subject, ...extension],
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
}

function csr(name: string, subject: string, spec: Partial<CertificateSigningRequest["spec"]>, names?: string) {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: {
      request: Buffer.from(pemOf(subject, names)).toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client-kubelet",
      usages: ["digital signature", "client auth"],
      ...spec,
    },
  } satisfies CertificateSigningRequest;
}

async function settled(world: World, ...requests: CertificateSigningRequest[]) {
  const client = world.api.resource(certificateSigningRequests);
  for (const request of requests) await client.create(request);
  // Signing is real work outside of the simulated clock.
  await expect
    .poll(
      async () => {
        await world.settle(1);
        return world.api
          .all(certificateSigningRequests)
          .every((one) => (one.status?.conditions ?? []).length > 0 || one.metadata.name.startsWith("left"));
      },
      { timeout: 10_000 },
    )
    .toBe(true);
  return Object.fromEntries(
    world.api
      .all(certificateSigningRequests)
      .map(({ metadata, status }) => [
        metadata.name,
        (status?.conditions ?? []).map(({ type, reason, message }) => `${type} ${reason}: ${message}`).join(),
      ]),
  );
}

describe("requests of node agents", () => {
  it("are approved for who may have them, and nobody else's are", async () => {
    const world = createWorld(1);
    const rights = ["system:bootstrap:abcdef nodeclient", "system:node:n1 selfnodeclient"];
    const manager = world.start((ports) =>
      createCsrApprovingController(ports, ({ spec }, subresource) =>
        Promise.resolve(rights.includes(`${spec.username} ${subresource}`)),
      ),
    );
    const outcome = await settled(
      world,
      csr("joining", "/O=system:nodes/CN=system:node:n2", { username: "system:bootstrap:abcdef" }),
      csr("renewing", "/O=system:nodes/CN=system:node:n1", { username: "system:node:n1" }),
      csr("left-other", "/O=system:nodes/CN=system:node:n2", { username: "system:node:n1" }),
      csr("left-masters", "/O=system:masters/CN=system:node:n1", { username: "system:bootstrap:abcdef" }),
      csr("left-names", "/O=system:nodes/CN=system:node:n2", { username: "system:bootstrap:abcdef" }, "DNS:x"),
    );
    expect(outcome).toEqual({
      joining: "Approved AutoApproved: Auto approving kubelet client certificate after SubjectAccessReview.",
      renewing: "Approved AutoApproved: Auto approving self kubelet client certificate after SubjectAccessReview.",
      "left-other": "",
      "left-masters": "",
      "left-names": "",
    });
    await manager.stop();
  });
});

describe("approved requests", () => {
  const approved = (request: CertificateSigningRequest): CertificateSigningRequest => ({
    ...request,
    status: { conditions: [{ type: "Approved", status: "True", reason: "Test" }] },
  });

  it("are signed by the rules of their signer, or failed with the reason", async () => {
    const world = createWorld(2);
    const client = world.api.resource(certificateSigningRequests);
    const add = async (request: CertificateSigningRequest): Promise<void> => {
      const made = await client.create(request);
      await client.update({ ...made, ...{ status: approved(request).status } }, { subresource: "status" });
    };
    await add(csr("good", "/O=system:nodes/CN=system:node:n1", { expirationSeconds: 3600 }));
    await add(csr("bad", "/O=devs/CN=jane", {}));
    await add(csr("foreign", "/O=devs/CN=jane", { signerName: "example.com/own" }));
    const manager = world.start((ports) => createCsrSigningController(ports, signing));
    const signed = async (name: string) => (await client.get({ name })).status;
    await expect
      .poll(async () => (await world.settle(1), Boolean((await signed("good"))?.certificate)), { timeout: 10_000 })
      .toBe(true);
    const certificate = new X509Certificate(Buffer.from((await signed("good"))?.certificate ?? "", "base64"));
    expect([certificate.verify(authority.publicKey), certificate.subject, certificate.keyUsage]).toEqual([
      true,
      "O=system:nodes\nCN=system:node:n1",
      ["1.3.6.1.5.5.7.3.2"],
    ]);
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(3600_000 + 300_000);
    expect((await signed("bad"))?.conditions?.at(-1)).toMatchObject({
      type: "Failed",
      reason: "SignerValidationFailure",
      message: "subject organization is not system:nodes",
    });
    expect((await signed("foreign"))?.certificate).toBeUndefined();
    await manager.stop();
  });

  it("are cleared away after an hour, undecided ones after a day", async () => {
    const world = createWorld(3);
    const client = world.api.resource(certificateSigningRequests);
    const made = await client.create(csr("denied", "/CN=x", {}));
    const conditions = [{ type: "Denied", status: "True", lastUpdateTime: world.now() }];
    await client.update({ ...made, status: { conditions } }, { subresource: "status" });
    await client.create(csr("pending", "/CN=y", {}));
    const manager = world.start(createCsrCleanerController);
    const names = () => world.api.all(certificateSigningRequests).map(({ metadata }) => metadata.name);
    await world.clock.advance(3_599_000);
    const before = names();
    await world.clock.advance(2_000);
    const afterAnHour = names();
    await world.clock.advance(23 * 3_600_000);
    expect([before, afterAnHour, names()]).toEqual([["denied", "pending"], ["pending"], []]);
    await manager.stop();
  });
});
