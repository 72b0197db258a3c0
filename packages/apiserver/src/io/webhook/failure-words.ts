// Why a connection came to nothing, in the words of Go's net and tls packages.

/** `at` is where the connection led. */
export function callWords(error: unknown, at: { readonly host: string; readonly port: number }): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const words = connecting[code];
  if (words !== undefined) return `dial tcp ${at.host}:${at.port}: ${words}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${at.host}: no such host`;
  if (unknownAuthority.has(code))
    return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `tls: failed to verify certificate: x509: ${message}`;
  if (code === "ECONNRESET") return "EOF";
  if (code === "EPROTO") return "http: server gave HTTP response to HTTPS client";
  return message || "unknown error";
}

const connecting: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

const unknownAuthority: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_UNTRUSTED",
]);
