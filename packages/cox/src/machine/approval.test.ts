import { describe, expect, it } from "vitest";
import { createCertificateRequest, parseCertificateRequest } from "@coxswain/pki";
import type { NewRequest } from "@coxswain/pki";
import { grantFor } from "./approval.ts";
import type { PendingRequest } from "./approval.ts";

const serving = "kubernetes.io/kubelet-serving";
const client = "kubernetes.io/kube-apiserver-client";
const nodes = [{ name: "w2", addresses: ["10.0.0.22"] }];

async function judge(wanted: NewRequest, signerName: string, asker: string, usages: readonly string[]) {
  const { request } = await createCertificateRequest(wanted);
  const csr: PendingRequest = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "a" },
    spec: { request: "", signerName, username: asker, groups: ["system:nodes", "system:authenticated"], usages },
  };
  return grantFor(csr, parseCertificateRequest(request), nodes);
}
const node = { commonName: "system:node:w1", organizations: ["system:nodes"] };

describe("the keeper", () => {
  it("grants a node its own serving certificate", async () => {
    const wanted = { ...node, hosts: ["w1", "10.0.0.21"] };
    expect(await judge(wanted, serving, "system:node:w1", ["digital signature", "server auth"])).toBe(
      "node w1 asks for its own serving certificate",
    );
  });

  it("grants a node the client certificate of its proxy", async () => {
    const usages = ["digital signature", "client auth"];
    expect(await judge({ commonName: "system:kube-proxy" }, client, "system:node:w1", usages)).toBe(
      "node w1 asks for its system:kube-proxy",
    );
  });

  it.each([
    ["another node's name", { ...node, hosts: ["w2"] }, serving, "system:node:w1", ["server auth"]],
    ["another node's address", { ...node, hosts: ["w1", "10.0.0.22"] }, serving, "system:node:w1", ["server auth"]],
    ["another node's subject", { ...node, hosts: ["w2"] }, serving, "system:node:w2", ["server auth"]],
    [
      "a client's usage in a serving certificate",
      { ...node, hosts: ["w1"] },
      serving,
      "system:node:w1",
      ["client auth"],
    ],
    ["an administrator's name", { commonName: "kubernetes-admin" }, client, "system:node:w1", ["client auth"]],
    [
      "a group beside the name",
      { commonName: "system:kube-proxy", organizations: ["system:masters"] },
      client,
      "system:node:w1",
      ["client auth"],
    ],
    ["a request of somebody who is no node", { commonName: "system:kube-proxy" }, client, "eve", ["client auth"]],
  ] as const)("leaves %s to a person", async (_what, wanted, signer, asker, usages) => {
    expect(await judge(wanted, signer, asker, usages)).toBeUndefined();
  });
});
