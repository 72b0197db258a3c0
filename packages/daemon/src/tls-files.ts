// A certificate, its key and an optional client authority as files that may change while the daemon runs.
import { readFile, stat } from "node:fs/promises";
import { StartError } from "./errors.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authority that client certificates are checked against. */
  readonly clientCaFile?: string | undefined;
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

/** Throws `StartError` naming the file that cannot be read. */
export async function readTlsFiles(files: TlsFiles): Promise<TlsMaterial> {
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(file);
    } catch (cause) {
      throw new StartError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
    }
  };
  const [cert, key, ca] = await Promise.all([
    read(files.certFile),
    read(files.keyFile),
    files.clientCaFile ? read(files.clientCaFile) : undefined,
  ]);
  return { cert, key, ca };
}

/** Changes whenever one of the files was written again. */
export async function tlsFilesStamp(files: TlsFiles): Promise<string> {
  const names = [files.certFile, files.keyFile, ...(files.clientCaFile ? [files.clientCaFile] : [])];
  const stamps = await Promise.all(names.map(async (name) => (await stat(name)).mtimeMs));
  return stamps.join(" ");
}
