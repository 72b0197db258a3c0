// What a server offers, remembered in a file per server so that most commands need one request. A type that is not found makes the
// mapper ask again; after a day everybody asks again. A file that cannot be read or written costs time, not correctness.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, Discovery } from "@coxswain/client";
import type { Host } from "../session.ts";
import { createMapper } from "./mapper.ts";
import type { Mapper } from "./mapper.ts";

const longestAgeMs = 6 * 3_600_000;

export async function loadMapper(client: Client, directory: string, host: Host): Promise<Mapper> {
  if (directory === "") return createMapper(await client.discover(host.signal));
  const file = join(
    directory,
    `${client
      .server()
      .replace(/^https?:\/\//, "")
      .replace(/[^\w.-]/g, "_")}.json`,
  );
  const ask = async (): Promise<Discovery> => {
    const discovery = await client.discover(host.signal);
    remember(directory, file, discovery, host);
    return discovery;
  };
  const remembered = recall(file, host.clock.now());
  return remembered ? createMapper(remembered, ask) : createMapper(await ask());
}

function recall(file: string, now: number): Discovery | undefined {
  try {
    if (now - statSync(file).mtimeMs > longestAgeMs) return undefined;
    return JSON.parse(readFileSync(file, "utf8")) as Discovery;
  } catch {
    return undefined; // not there, torn or not ours to read: the server is asked
  }
}

function remember(directory: string, file: string, discovery: Discovery, host: Host): void {
  if (discovery.failures.length > 0) return;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    const written = `${file}.${host.random.suffix(8)}`;
    writeFileSync(written, JSON.stringify(discovery));
    renameSync(written, file);
  } catch {
    // A home that cannot be written to is no reason to fail: the next run asks the server again.
  }
}
