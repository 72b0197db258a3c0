#!/usr/bin/env node
// The process of the command line: argv, environment, terminal, signals and the exit code. No decision about clusters.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import type { Host, Output } from "./session.ts";

// Before anything of weight is loaded, so that it is compiled once and not at each call.
enableCompileCache();
const { systemClock, systemRandom } = await import("@coxswain/clock");
const { runCox } = await import("./cli.ts");

const aborter = new AbortController();
process.on("SIGINT", () => {
  aborter.abort();
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.exit(130);
});
process.on("SIGTERM", () => process.exit(143));
// `cox … | head` closes the pipe early; that is the reader's right and no failure.
const leave = (error: NodeJS.ErrnoException): never => process.exit(error.code === "EPIPE" ? 0 : 1);
process.stdout.on("error", leave);
process.stderr.on("error", leave);

const output = (stream: NodeJS.WriteStream): Output => ({
  write: (text) => void stream.write(text),
  get isTerminal() {
    return stream.isTTY;
  },
  get columns() {
    return stream.columns || 80;
  },
  drained: () =>
    stream.writableNeedDrain ? new Promise((resolve) => stream.once("drain", () => resolve())) : Promise.resolve(),
});

const host: Host = {
  env: process.env,
  home: homedir(),
  out: output(process.stdout),
  err: output(process.stderr),
  input: {
    get isTerminal() {
      return process.stdin.isTTY;
    },
    get chunks() {
      return process.stdin as AsyncIterable<Uint8Array>;
    },
    setRaw: (raw) => {
      if (process.stdin.isTTY) process.stdin.setRawMode(raw);
    },
  },
  signal: aborter.signal,
  clock: systemClock,
  random: systemRandom,
};

const code = await runCox(process.argv.slice(2), host);
// What was written reaches its reader before the process ends; open handles of a broken connection do not hold it.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
