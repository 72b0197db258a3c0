// Whom the server believes a client certificate: the authorities of `--client-ca-file` as they are now. The handshake checks a certificate
// against those of that moment; a connection that outlives a change of the file is judged again, as kube-apiserver judges every request.
import { X509Certificate } from "node:crypto";

/** While nothing has changed, what the handshake said holds. */
export const firstGeneration = 1;

export interface Trust {
  /** Grows with each change of the authorities. */
  generation(): number;
  /** There are two sets of authorities: that a handshake found one of them does not say which. */
  hasProxies(): boolean;
  /** Whether the certificate, or one of those it came with, was signed by an authority of now. Dates are not looked at. */
  believes(certificate: X509Certificate): boolean;
  /** The same, for the authorities of proxies that speak for others (`--requestheader-client-ca-file`). */
  believesProxy(certificate: X509Certificate): boolean;
  /** Takes up the PEM texts of the files; false when they say what they said before. */
  update(clients: Buffer | undefined, proxies: Buffer | undefined): boolean;
}

export function createTrust(clients: Buffer | undefined, proxies: Buffer | undefined): Trust {
  let texts = [textOf(clients), textOf(proxies)] as const;
  let [clientAuthorities, proxyAuthorities] = texts.map(parseAuthorities) as Authorities;
  let generation = firstGeneration;
  return {
    generation: () => generation,
    hasProxies: () => proxyAuthorities.length > 0,
    believes: (certificate) => isSigned(certificate, clientAuthorities),
    believesProxy: (certificate) => isSigned(certificate, proxyAuthorities),
    update(nextClients, nextProxies) {
      const now = [textOf(nextClients), textOf(nextProxies)] as const;
      if (now[0] === texts[0] && now[1] === texts[1]) return false;
      [clientAuthorities, proxyAuthorities] = now.map(parseAuthorities) as Authorities;
      texts = now;
      generation++;
      return true;
    },
  };
}

type Authorities = [clients: readonly X509Certificate[], proxies: readonly X509Certificate[]];

function textOf(pem: Buffer | undefined): string {
  return pem?.toString() ?? "";
}

function isSigned(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  for (let at: X509Certificate | undefined = certificate; at !== undefined; at = issuerOf(at)) {
    const shown = at;
    if (authorities.some((one) => shown.checkIssued(one) && shown.verify(one.publicKey))) return true;
  }
  return false;
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
