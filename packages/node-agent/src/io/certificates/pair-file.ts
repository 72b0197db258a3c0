// A certificate and its key in one PEM file, as the kubelet keeps them: `NAME-current.pem` is a link to the newest
// `NAME-DATE.pem`, changed in one step, so that a reader sees one pair or the other. Older files are removed.
import { X509Certificate } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import type { HeldCertificate } from "../../core/certificate/plan.ts";
import { messageOf } from "../../errors.ts";

export interface PairFile {
  /** Holds both the certificate and the key. */
  readonly path: string;
  /** `undefined` when there is none, or what is there is no certificate. */
  read(): Promise<HeldCertificate | undefined>;
  write(pair: { readonly certificate: string; readonly key: string }): Promise<void>;
}

/** Kept besides the current one, for a person who looks back. */
const olderKept = 2;

export function createPairFile(directory: string, name: string, clock: Clock): PairFile {
  const path = join(directory, `${name}-current.pem`);
  return {
    path,
    read: () => readCertificate(path),
    async write({ certificate, key }) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const dated = `${name}-${new Date(clock.now()).toISOString().replace(/[:.]/g, "-")}.pem`;
      await writeFile(join(directory, dated), `${certificate.trimEnd()}\n${key.trimEnd()}\n`, { mode: 0o600 });
      const link = join(directory, `${name}-updated.pem`);
      await rm(link, { force: true });
      await symlink(dated, link);
      await rename(link, path);
      const older = (await readdir(directory)).filter((file) => isDated(file, name) && file !== dated).toSorted();
      for (const file of older.slice(0, -olderKept)) await rm(join(directory, file), { force: true });
    },
  };
}

/** What the first certificate in a PEM text says of itself. */
export function certificateIn(pem: string): HeldCertificate {
  const certificate = new X509Certificate(pem);
  return {
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "",
    hosts: (certificate.subjectAltName ?? "")
      .split(", ")
      .filter((name) => name !== "")
      .map((name) => name.slice(name.indexOf(":") + 1)),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  };
}

async function readCertificate(path: string): Promise<HeldCertificate | undefined> {
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return certificateIn(pem);
  } catch {
    // A file that holds no certificate is as good as none: a new one will be asked for.
    return undefined;
  }
}

function isDated(file: string, name: string): boolean {
  return file.startsWith(`${name}-`) && /-\d{4}-\d\d-\d\dT[\d-]+Z\.pem$/.test(file);
}
