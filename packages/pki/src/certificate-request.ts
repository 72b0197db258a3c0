// A certificate request (PKCS#10, RFC 2986): what it asks for, as values, and whether its key has signed it. Whether the
// request should be granted is decided elsewhere.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export interface CertificateRequest {
  readonly commonName: string;
  /** Every organization of the subject, in order. */
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: ArrayBuffer;
  /** Whether the holder of the key made the request. */
  isSignedByItsKey(): Promise<boolean>;
}

/** Reads the request of a PEM block `CERTIFICATE REQUEST`. Throws an Error in one sentence for anything else. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  if (!/-----BEGIN CERTIFICATE REQUEST-----/.test(pem)) throw new Error("PEM block type must be CERTIFICATE REQUEST");
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw new Error(`the certificate request cannot be read: ${(cause as Error).message}`, { cause });
  }
  const names = request.extensions.flatMap((extension) =>
    extension.type === "2.5.29.17" ? new x509.SubjectAlternativeNameExtension(extension.rawData).names.items : [],
  );
  const ofType = (type: string): readonly string[] =>
    names.filter((name) => name.type === type).map((name) => name.value);
  return {
    commonName: request.subjectName.getField("CN")[0] ?? "",
    organizations: request.subjectName.getField("O"),
    dnsNames: ofType("dns"),
    ipAddresses: ofType("ip"),
    emailAddresses: ofType("email"),
    uris: ofType("url"),
    publicKey: request.publicKey.rawData,
    isSignedByItsKey: () => request.verify(),
  };
}
