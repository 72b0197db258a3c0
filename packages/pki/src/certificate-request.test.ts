import { execFileSync } from "node:child_process";
import { X509Certificate, createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { describe, expect, it } from "vitest";
import { createAuthority, openAuthority } from "./authority.ts";
import { parseCertificateRequest } from "./certificate-request.ts";
import { createCertificateRequest } from "./new-request.ts";

/** As `openssl req` makes it, with an RSA key. */
function requestOf(subject: string, names: string): string {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-csr-"));
  try {
    const out = join(folder, "request.pem");
    execFileSync(
      "openssl",
      [
        ...["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", join(folder, "key.pem"), "-out", out],
        ...["-subj", subject, ...(names === "" ? [] : ["-addext", `subjectAltName=${names}`])],
      ],
      { stdio: "ignore" },
    );
    return readFileSync(out, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a certificate request", () => {
  it("is read whole, and is signed by its key", async () => {
    const request = parseCertificateRequest(
      requestOf("/O=system:nodes/O=second/CN=system:node:n1", "DNS:n1,IP:10.0.0.1,email:a@b.c,URI:spiffe://x/y"),
    );
    const { publicKey, isSignedByItsKey, ...read } = request;
    expect(read).toEqual({
      commonName: "system:node:n1",
      organizations: ["system:nodes", "second"],
      dnsNames: ["n1"],
      ipAddresses: ["10.0.0.1"],
      emailAddresses: ["a@b.c"],
      uris: ["spiffe://x/y"],
    });
    expect(publicKey.byteLength).toBeGreaterThan(256);
    expect(await isSignedByItsKey()).toBe(true);
  });

  it("of our own making reads back as it was meant, and its key is a key", async () => {
    const { request, key } = await createCertificateRequest({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      hosts: ["n1", "10.0.0.1"],
    });
    const { publicKey, isSignedByItsKey, ...read } = parseCertificateRequest(request);
    expect(read).toEqual({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      dnsNames: ["n1"],
      ipAddresses: ["10.0.0.1"],
      emailAddresses: [],
      uris: [],
    });
    expect(await isSignedByItsKey()).toBe(true);
    expect(createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" })).toEqual(
      Buffer.from(publicKey),
    );
  });

  it("of another form is refused in one sentence", () => {
    expect(() => parseCertificateRequest("nonsense")).toThrow("PEM block type must be CERTIFICATE REQUEST");
    expect(() =>
      parseCertificateRequest("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
    ).toThrow(/^the certificate request cannot be read: /);
  });

  it("is signed by an authority for no longer than the authority lives", async () => {
    const pair = await createAuthority("kubernetes-ca", 3_600_000, systemClock);
    const authority = await openAuthority(pair, systemClock);
    const pem = await authority.sign({
      request: parseCertificateRequest(requestOf("/O=devs/CN=jane", "DNS:jane.example")),
      extendedUsages: ["1.3.6.1.5.5.7.3.2"],
      enciphersKeys: true,
      validityMs: 24 * 3_600_000,
    });
    const [issuer, signed] = [new X509Certificate(pair.certificate), new X509Certificate(pem)];
    expect({
      verifies: signed.verify(issuer.publicKey),
      subject: signed.subject,
      names: signed.subjectAltName,
      usage: signed.keyUsage,
      outlives: signed.validToDate > issuer.validToDate,
    }).toEqual({
      verifies: true,
      subject: "O=devs\nCN=jane",
      names: "DNS:jane.example",
      usage: ["1.3.6.1.5.5.7.3.2"],
      outlives: false,
    });
  });
});
