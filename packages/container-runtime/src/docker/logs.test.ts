// The engine's log files read without the engine: rows of any text cut anywhere, ends of logs over several files, and a follower that
// goes on when the file is begun anew.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock as clock } from "@coxswain/clock";
import type { LogChunk, LogRequest } from "../runtime.ts";
import { readLogFiles } from "./log-file.ts";
import { createRowReader } from "./log-rows.ts";

interface Said {
  readonly log: string;
  readonly stream: "stdout" | "stderr";
  readonly time?: string;
}

const time = "2026-01-02T03:04:05.6Z";
/** As the engine writes it: what HTML minds is escaped, too. */
const row = ({ log, stream, time: at = time }: Said): string => {
  const text = JSON.stringify(log).replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
  return `{"log":${text},"stream":"${stream}","time":"${at}"}\n`;
};
const plain: LogRequest = { follow: false, timestamps: false, tty: false };
const textOf = (chunks: readonly LogChunk[], stream?: "stdout" | "stderr"): string =>
  Buffer.concat(
    chunks.filter((chunk) => stream === undefined || chunk.stream === stream).map(({ bytes }) => bytes),
  ).toString();

test("rows of any text, cut anywhere, say what was said", () => {
  const said = fc.record({
    log: fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.constant('a "quoted" \\ <line>\t\n')),
    stream: fc.constantFrom("stdout" as const, "stderr" as const),
  });
  fc.assert(
    fc.property(fc.array(said, { maxLength: 12 }), fc.integer({ min: 1, max: 60 }), (all, pieceBytes) => {
      const bytes = Buffer.from(all.map(row).join(""));
      const reader = createRowReader({ timestamps: false, sinceMs: undefined });
      const chunks: LogChunk[] = [];
      const block = Buffer.alloc(pieceBytes);
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const length = bytes.copy(block, 0, at, at + pieceBytes);
        chunks.push(...reader.push(block.subarray(0, length)));
      }
      for (const stream of ["stdout", "stderr"] as const)
        expect(textOf(chunks, stream)).toBe(
          Buffer.from(all.map((one) => (one.stream === stream ? one.log : "")).join("")).toString(),
        );
    }),
    { numRuns: 40 },
  );
});

test("a line in pieces has one time, early rows and what is no row are left out, other forms are understood", () => {
  const reader = createRowReader({ timestamps: true, sinceMs: Date.parse("2026-01-02T03:04:05.5Z") });
  const early = row({ log: "early\n", stream: "stdout", time: "2026-01-02T03:04:04.999999999Z" });
  const inPieces = ["one ", "line\n", "next\n"].map((log) => row({ log, stream: "stdout" })).join("");
  const otherForm = `{"stream":"stderr","attrs":{"a":"b"},"log":"other\\n","time":"${time}"}\n`;
  const stamp = "2026-01-02T03:04:05.600000000Z";
  const chunks = reader.push(Buffer.from(`${early}${inPieces}\0\0\0rubbish\n${otherForm}`));
  expect(textOf(chunks)).toBe(`${stamp} one line\n${stamp} next\n${stamp} other\n`);
});

test("the end of a log is found over its files, by lines and not by rows", async () => {
  const dir = await mkdtemp(join(tmpdir(), "coxswain-log-"));
  try {
    const path = join(dir, "log");
    const lines = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);
    const rows = (texts: readonly string[]): string => texts.map((log) => row({ log, stream: "stdout" })).join("");
    // More than a block of the reader in one file.
    await writeFile(`${path}.1`, rows([...lines(0, 9_000), "in ", "two ", "pieces\n"]));
    await writeFile(path, rows([...lines(9_000, 9_002), "unfinished"]));
    const read = async (tailLines?: number): Promise<string> => {
      const chunks: LogChunk[] = [];
      const request = tailLines === undefined ? plain : { ...plain, tailLines };
      for await (const chunk of readLogFiles(
        path,
        request,
        { clock, ended: async () => undefined },
        new AbortController().signal,
      ))
        chunks.push(chunk);
      return textOf(chunks);
    };
    const all = [...lines(0, 9_000), "in two pieces\n", ...lines(9_000, 9_002), "unfinished"];
    const wanted = [undefined, 0, 1, 3, 4, 5, 8_500, 9_003, 9_004, 9_005, 20_000];
    for (const tail of wanted)
      expect(await read(tail)).toBe((tail === undefined ? all : tail === 0 ? [] : all.slice(-tail)).join(""));
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("a follower loses nothing when the file is begun anew, also several times at once, and ends with its container", async () => {
  const dir = await mkdtemp(join(tmpdir(), "coxswain-log-"));
  try {
    const path = join(dir, "log");
    let said = "";
    let number = 0;
    const say = async (): Promise<void> => {
      const log = `line ${number++}\n`;
      said += log;
      await appendFile(path, row({ log, stream: "stdout" }));
    };
    const begin = async (): Promise<void> => {
      for (let at = 8; at > 0; at--) await rename(`${path}.${at}`, `${path}.${at + 1}`).catch(() => undefined);
      await rename(path, `${path}.1`);
      await writeFile(path, "");
    };
    const open = (): readonly string[] =>
      readdirSync("/proc/self/fd").flatMap((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${dir}/`) ? [fd] : [];
        } catch {
          return []; // It was the one that lists the others.
        }
      });
    await say();
    await begin();
    await say();
    const over = Promise.withResolvers<void>();
    const heard: string[] = [];
    const following = (async () => {
      const request = { ...plain, follow: true };
      for await (const chunk of readLogFiles(
        path,
        request,
        { clock, ended: () => over.promise },
        new AbortController().signal,
      ))
        heard.push(Buffer.from(chunk.bytes).toString());
    })();
    const heardAll = (): Promise<void> => expect.poll(() => heard.join(""), { timeout: 10_000 }).toBe(said);
    await heardAll();
    await expect.poll(() => open(), { timeout: 10_000 }).toHaveLength(1);
    for (let round = 0; round < 5; round++) {
      await say();
      await begin();
      await say();
      if (round % 2 === 0) await heardAll();
    }
    await heardAll();
    await say();
    over.resolve();
    await following;
    expect(heard.join("")).toBe(said);
    expect(open()).toEqual([]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

/** As the engine writes and begins anew, without a rest: no name stays with its file for longer than some lines. */
const restless = `
const fs = require("node:fs");
const [path, lines, each] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
let [file, files] = [fs.openSync(path, "w"), 1];
for (let number = 0; number < lines; number++) {
  if (number > 0 && number % each === 0) {
    fs.closeSync(file);
    for (let from = files++ - 1; from > 0; from--) fs.renameSync(path + "." + from, path + "." + (from + 1));
    fs.renameSync(path, path + ".1");
    file = fs.openSync(path, "w");
  }
  fs.writeSync(file, JSON.stringify({ log: number + "\\n", stream: "stdout", time: "${time}" }) + "\\n");
  if (number === each) process.stdout.write("begun");
}`;

test("followers hear each line once and in its order while files are begun anew all the time", async () => {
  const dir = await mkdtemp(join(tmpdir(), "coxswain-log-"));
  try {
    const [path, lines] = [join(dir, "log"), 20_000];
    const engine = spawn(process.execPath, ["-e", restless, path, `${lines}`, "400"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(engine, "exit");
    await once(engine.stdout, "data");
    const follow = async (): Promise<readonly string[]> => {
      const ended = async (): Promise<void> => void (await exited);
      const chunks: LogChunk[] = [];
      const request = { ...plain, follow: true };
      for await (const chunk of readLogFiles(path, request, { clock, ended }, new AbortController().signal))
        chunks.push(chunk);
      return textOf(chunks).trimEnd().split("\n");
    };
    const heard = await Promise.all(Array.from({ length: 4 }, follow));
    const said = Array.from({ length: lines }, (_, number) => `${number}`);
    for (const lines of heard) expect(lines).toEqual(said);
    expect(await exited).toEqual([0, null]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
