// Makes a key and a certificate request for it (PKCS#10): how a machine asks an authority that is elsewhere.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { alternativeNamesOf, exportKey, keyAlgorithm, subjectOf } from "./authority.ts";
import type { Subject } from "./authority.ts";

export interface NewRequest extends Subject {
  /** DNS names and IP addresses that a server answers to. */
  readonly hosts?: readonly string[];
}

/** The request and the key that has signed it, both as PEM text. The key never leaves the machine by itself. */
export async function createCertificateRequest(
  wanted: NewRequest,
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const names = alternativeNamesOf(wanted.hosts ?? []);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectOf(wanted),
    keys,
    signingAlgorithm: keyAlgorithm,
    extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
  });
  return { request: request.toString("pem") + "\n", key: await exportKey(keys.privateKey) };
}
