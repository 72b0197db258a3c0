import { X509Certificate } from "node:crypto";
import { systemClock } from "@coxswain/clock";
import { describe, expect, it } from "vitest";
import { createAuthority, openAuthority } from "./authority.ts";

describe("an authority", () => {
  it("signs a server's certificate that its own certificate verifies, with the names it was asked for", async () => {
    const pair = await createAuthority("kubernetes-ca", 3_600_000, systemClock);
    const authority = await openAuthority(pair, systemClock);
    const leaf = await authority.issue({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      usages: ["client", "server"],
      hosts: ["n1", "10.0.0.1"],
      validityMs: 1_800_000,
    });
    const [issuer, issued] = [new X509Certificate(pair.certificate), new X509Certificate(leaf.certificate)];
    expect({
      verifies: issued.verify(issuer.publicKey),
      issuedBy: issued.checkIssued(issuer),
      subject: issued.subject,
      names: issued.subjectAltName,
      usage: issued.keyUsage,
      ca: [issuer.ca, issued.ca],
      lifeMs: issued.validToDate.getTime() - issued.validFromDate.getTime(),
    }).toEqual({
      verifies: true,
      issuedBy: true,
      subject: "O=system:nodes\nCN=system:node:n1",
      names: "DNS:n1, IP Address:10.0.0.1",
      usage: ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"],
      ca: [true, false],
      lifeMs: 1_800_000 + 300_000,
    });
  });
});
