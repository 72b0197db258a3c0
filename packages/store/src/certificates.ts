// A port's certificate, key and authority as files that may change while the store runs: looked at from time to time, and taken when
// they are whole and belong together; new connections then use them. etcd reads them at every handshake; here it takes seconds.
import { createSecureContext } from "node:tls";
import type { Clock, Timer } from "@coxswain/clock";
import { StartError, readTlsFiles, tlsFilesStamp } from "@coxswain/daemon";
import type { Logger } from "@coxswain/daemon";
import { readFile } from "node:fs/promises";
import type { TlsFileNames } from "./config.ts";

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  readonly crl: Buffer | undefined;
  readonly requireClientCertificate: boolean;
}

/** What was read last; `cert` and the others change under the reader's hands, and `onChange` tells when. */
export interface Certificates extends TlsMaterial {
  onChange(tell: () => void): void;
  stop(): void;
}

export const lookIntervalMs = 5000;

/** Throws `StartError` when a file cannot be read or certificate and key do not belong together. */
export async function openCertificates(
  names: TlsFileNames,
  ports: { readonly clock: Clock; readonly log: Logger },
): Promise<Certificates> {
  const listeners: (() => void)[] = [];
  const files = { certFile: names.certFile, keyFile: names.keyFile, clientCaFile: names.caFile };
  let material = await read(names);
  let stamp = await tlsFilesStamp(files);
  let timer: Timer | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const now = await tlsFilesStamp(files);
    if (now === stamp) return;
    material = await read(names);
    stamp = now;
    ports.log.info({ file: names.certFile }, "took the new certificate");
    for (const tell of listeners) tell();
  };
  const arm = (): void => {
    if (stopped) return;
    timer = ports.clock.setTimeout(() => {
      // Half written, or certificate and key not both there yet: the next look will do.
      look()
        .catch((err: unknown) =>
          ports.log.warn({ err, file: names.certFile }, "could not take the new certificate yet"),
        )
        .finally(arm);
    }, lookIntervalMs);
  };
  arm();
  return {
    get cert() {
      return material.cert;
    },
    get key() {
      return material.key;
    },
    get ca() {
      return material.ca;
    },
    get crl() {
      return material.crl;
    },
    requireClientCertificate: names.requireClientCertificate,
    onChange: (tell) => void listeners.push(tell),
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

async function read(names: TlsFileNames): Promise<TlsMaterial> {
  const { cert, key, ca } = await readTlsFiles({
    certFile: names.certFile,
    keyFile: names.keyFile,
    clientCaFile: names.caFile,
  });
  const crl = names.crlFile === undefined ? undefined : await readFile(names.crlFile);
  try {
    createSecureContext({ cert, key, ...(ca ? { ca } : {}), ...(crl ? { crl } : {}) });
  } catch (cause) {
    throw new StartError(`${names.certFile} and ${names.keyFile} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
  return { cert, key, ca, crl, requireClientCertificate: names.requireClientCertificate };
}
