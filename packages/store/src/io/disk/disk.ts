// The files the store touches, as a port: the system's, or a simulated disk that loses what was not synced.
// level brings its own file access and stays behind the backend port.

export interface Disk {
  /** Makes the directory and its parents, readable by the owner only. */
  makeDirectory(path: string): Promise<void>;
  /** Names, sorted; empty when the directory does not exist. */
  list(directory: string): Promise<readonly string[]>;
  read(path: string): Promise<Buffer>;
  /** Opens an existing file for reading in parts. */
  openReader(path: string): Promise<DiskReader>;
  /** Opens for writing; makes the file when it does not exist. Nothing about it is durable before `sync`. */
  open(path: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Resolves when the directory's entries (creations, renames, removals) are on disk. */
  syncDirectory(directory: string): Promise<void>;
}

export interface DiskReader {
  readonly sizeBytes: number;
  /** Shorter only at the end of the file. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export interface DiskFile {
  /** All of it, at that offset. In the page cache only until `sync`. */
  write(data: Uint8Array, offset: number): Promise<void>;
  /** Resolves when everything written before the call is on disk. Its failure is fatal: the pages may be gone (fsyncgate, 2018). */
  sync(): Promise<void>;
  close(): Promise<void>;
}
