// Whom the server believes a client certificate: the authorities of `--client-ca-file` as they are now. The handshake checks a certificate
// against those of that moment; a connection that outlives a change of the file is judged again, as kube-apiserver judges every request.
import { X509Certificate } from "node:crypto";

/** While nothing has changed, what the handshake said holds. */
export const firstGeneration = 1;

export interface Trust {
  /** Grows with each change of the authorities. */
  generation(): number;
  /** Whether the certificate, or one of those it came with, was signed by an authority of now. Dates are not looked at. */
  believes(certificate: X509Certificate): boolean;
  /** Takes up the PEM text of the file; false when it says what it said before. */
  update(pem: Buffer | undefined): boolean;
}

export function createTrust(pem: Buffer | undefined): Trust {
  let text = pem?.toString() ?? "";
  let authorities = parseAuthorities(text);
  let generation = firstGeneration;
  return {
    generation: () => generation,
    believes(certificate) {
      for (let at: X509Certificate | undefined = certificate; at !== undefined; at = issuerOf(at)) {
        const shown = at;
        if (authorities.some((one) => shown.checkIssued(one) && shown.verify(one.publicKey))) return true;
      }
      return false;
    },
    update(next) {
      const now = next?.toString() ?? "";
      if (now === text) return false;
      authorities = parseAuthorities(now);
      text = now;
      generation++;
      return true;
    },
  };
}

/** A self-signed certificate is its own issuer. */
function issuerOf(certificate: X509Certificate): X509Certificate | undefined {
  const issuer = certificate.issuerCertificate;
  return issuer?.fingerprint256 === certificate.fingerprint256 ? undefined : issuer;
}

function parseAuthorities(text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
