// Which TLS is spoken: versions and cipher suites, from Go's names (etcd's flags) to OpenSSL's (Node's).
import { getCiphers } from "node:tls";
import { UsageError } from "@coxswain/daemon";

export interface TlsLimits {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's list; absent: Node's own. */
  readonly ciphers?: string;
}

/** Throws `UsageError`. */
export function tlsLimitsOf(suites: readonly string[], oldest: string, newest: string): TlsLimits {
  const minVersion = versionOf("tls-min-version", oldest);
  const maxVersion = newest === "" ? undefined : versionOf("tls-max-version", newest);
  if (maxVersion !== undefined && maxVersion < minVersion)
    throw new UsageError(`--tls-min-version (${oldest}) is newer than --tls-max-version (${newest})`);
  return {
    minVersion,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(suites.length === 0 ? {} : { ciphers: suites.map(suiteOf).join(":") }),
  };
}

function versionOf(flag: string, text: string): "TLSv1.2" | "TLSv1.3" {
  if (text === "TLS1.2" || text === "TLS1.3") return text === "TLS1.2" ? "TLSv1.2" : "TLSv1.3";
  throw new UsageError(`--${flag}: expected TLS1.2 or TLS1.3, found ${JSON.stringify(text)}`);
}

/** TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256; the suites of TLS 1.3 have one name everywhere. */
function suiteOf(name: string): string {
  const known = getCiphers();
  const openssl = name
    .replace(/^TLS_/, "")
    .replace("_WITH_", "-")
    .replace(/^RSA-/, "")
    .replace(/AES_(128|256)/, "AES$1")
    .replace(/_CBC/, "")
    .replace(/(CHACHA20_POLY1305)_SHA256/, "$1")
    .replaceAll("_", "-");
  for (const candidate of [name, openssl]) if (known.includes(candidate.toLowerCase())) return candidate;
  throw new UsageError(`--cipher-suites: unexpected TLS cipher suite ${JSON.stringify(name)}`);
}
