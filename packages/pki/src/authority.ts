// A certificate authority: makes its own certificate and signs those of others. Keys are P-256 and made on the machine
// that uses them. It keeps no list of what it has signed and revokes nothing: certificates are short-lived instead.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Clock } from "@coxswain/clock";
import type { CertificateRequest } from "./certificate-request.ts";

/** A certificate and its private key, both as PEM text. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  /** The user name, for a client. */
  readonly commonName: string;
  /** The groups, for a client. */
  readonly organizations?: readonly string[];
}

export interface LeafRequest extends Subject {
  readonly usages: readonly ("client" | "server")[];
  /** DNS names and IP addresses that a server answers to. */
  readonly hosts?: readonly string[];
  readonly validityMs: number;
}

/** A certificate for a key that somebody else holds. */
export interface SignedLeaf {
  readonly request: CertificateRequest;
  /** OIDs of the extended usages. */
  readonly extendedUsages: readonly string[];
  /** Whether the key may also encipher keys (RSA key exchange). */
  readonly enciphersKeys: boolean;
  readonly validityMs: number;
}

export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  /** Makes a key and a certificate for it. */
  issue(request: LeafRequest): Promise<KeyPair>;
  /** Signs the request's own key, subject and names; the certificate never outlives the authority. PEM. */
  sign(leaf: SignedLeaf): Promise<string>;
}

/** Every key of the house. */
export const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Certificates begin a little in the past, so that a machine whose clock is behind accepts them at once. */
const backdateMs = 5 * 60_000;

/** Makes a new self-signed authority. The key leaves this function only in the returned value. */
export async function createAuthority(commonName: string, validityMs: number, clock: Clock): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const now = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + validityMs),
    keys,
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem") + "\n", key: await exportKey(keys.privateKey) };
}

/** Opens an authority for signing. Throws when the key does not belong to the certificate's kind of key. */
export async function openAuthority(pair: KeyPair, clock: Clock): Promise<Authority> {
  const certificate = new x509.X509Certificate(pair.certificate);
  const der = x509.PemConverter.decodeFirst(pair.key);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", der, keyAlgorithm, false, ["sign"]);
  return {
    certificate: pair.certificate,
    async issue(request) {
      const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
      const now = clock.now();
      const issued = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: subjectOf(request),
        issuer: certificate.subjectName,
        notBefore: new Date(now - backdateMs),
        notAfter: new Date(now + request.validityMs),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: keyAlgorithm,
        extensions: await leafExtensions(request, certificate, keys.publicKey),
      });
      return { certificate: issued.toString("pem") + "\n", key: await exportKey(keys.privateKey) };
    },
    async sign({ request, extendedUsages, enciphersKeys, validityMs }) {
      const now = clock.now();
      const publicKey = new x509.PublicKey(request.publicKey);
      const usages = x509.KeyUsageFlags.digitalSignature | (enciphersKeys ? x509.KeyUsageFlags.keyEncipherment : 0);
      const signed = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: subjectOf(request),
        issuer: certificate.subjectName,
        notBefore: new Date(now - backdateMs),
        notAfter: new Date(Math.min(now + validityMs, certificate.notAfter.getTime())),
        publicKey,
        signingKey,
        signingAlgorithm: keyAlgorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(usages, true),
          new x509.ExtendedKeyUsageExtension([...extendedUsages]),
          await x509.AuthorityKeyIdentifierExtension.create(certificate),
          ...alternativeNames(request),
        ],
      });
      return signed.toString("pem") + "\n";
    },
  };
}

function alternativeNames(request: CertificateRequest): x509.Extension[] {
  const names = [
    ...request.dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...request.ipAddresses.map((value) => ({ type: "ip" as const, value })),
    ...request.emailAddresses.map((value) => ({ type: "email" as const, value })),
    ...request.uris.map((value) => ({ type: "url" as const, value })),
  ];
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
}

export function subjectOf({ commonName, organizations = [] }: Subject): x509.JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

async function leafExtensions(
  request: LeafRequest,
  issuer: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
): Promise<x509.Extension[]> {
  const usages = request.usages.map((usage) =>
    usage === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  );
  const names = alternativeNamesOf(request.hosts ?? []);
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
}

export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY") + "\n";
}

/** 127 random bits: positive, and unique without a counter (CA/Browser Forum asks for at least 64). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString("hex");
}

/** Hosts as a certificate names them. */
export function alternativeNamesOf(hosts: readonly string[]): { type: "ip" | "dns"; value: string }[] {
  return hosts.map((host) => ({ type: isAddress(host) ? "ip" : "dns", value: host }));
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
