// TLS material from a ClientConfig: read when a connection is opened, parsed again only when a file has changed.
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { ConnectionOptions, SecureContext } from "node:tls";
import type { ClientConfig, Pem } from "../config.ts";
import { ClientError } from "../errors.ts";

export interface TlsMaterial {
  /** Options for one new connection to `host`. */
  options(host: string): ConnectionOptions;
  /** Changes whenever a file's content may have: connections of an older generation should not be given new requests. */
  generation(): number;
}

export function createTlsMaterial(config: ClientConfig): TlsMaterial {
  const files = [config.ca, config.cert, config.key].filter((pem) => pem !== undefined && "file" in pem);
  let seen = "";
  let generation = 0;
  let context: SecureContext | undefined;

  const refresh = (): void => {
    const stamp = files.map((pem) => stampOf(pem.file)).join(" ");
    if (context !== undefined && stamp === seen) return;
    context = createSecureContext({
      ...(config.ca ? { ca: readPem(config.ca) } : {}),
      ...(config.cert ? { cert: readPem(config.cert) } : {}),
      ...(config.key ? { key: readPem(config.key) } : {}),
      minVersion: "TLSv1.2",
    });
    seen = stamp;
    generation++;
  };

  return {
    options(host) {
      refresh();
      const servername = config.tlsServerName ?? (/^[\d.]+$|:/.test(host) ? "" : host);
      return {
        ...(context ? { secureContext: context } : {}),
        rejectUnauthorized: config.insecureSkipTlsVerify !== true,
        ...(servername === "" ? {} : { servername }),
      };
    },
    generation() {
      refresh();
      return generation;
    },
  };
}

function stampOf(file: string): string {
  const { mtimeMs, size, ino } = statSync(file);
  return `${ino}/${size}/${mtimeMs}`;
}

function readPem(pem: Pem): string {
  return "data" in pem ? pem.data : readFileSync(pem.file, "utf8");
}

const certificateErrors =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS|ERR_SSL|INVALID_CA|HOSTNAME_MISMATCH|EPROTO)/;

/** Translates an error of a connection that never carried the request. */
export function connectError(server: string, cause: NodeJS.ErrnoException): ClientError {
  if (certificateErrors.test(cause.code ?? "")) {
    return new ClientError("tls-failed", `no trusted connection to ${server}: ${cause.message.split("\n")[0]}`, {
      cause,
    });
  }
  return new ClientError("connection-failed", `cannot reach ${server}: ${cause.code ?? cause.message}`, { cause });
}
