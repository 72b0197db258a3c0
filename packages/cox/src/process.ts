// The process of the command line: argv, environment, terminal, signals and the exit code. No decision about clusters.
import { writeSync } from "node:fs";
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { systemClock, systemRandom } from "@coxswain/clock";
import { runCox } from "./cli.ts";
import type { Host, Output } from "./session.ts";

/** Runs the command line of this process and ends it. */
export async function runProcess(): Promise<void> {
  const aborter = new AbortController();
  process.on("SIGINT", () => {
    aborter.abort();
    if (isatty(0)) process.stdin.setRawMode(false);
    process.exit(130);
  });
  process.on("SIGTERM", () => process.exit(143));
  // `cox … | head` closes the pipe early; that is the reader's right and no failure. A full disk is one.
  const leave = (error: NodeJS.ErrnoException): never => {
    if (error.code === "EPIPE") process.exit(0);
    writeSync(2, `error: what was to be written is lost: ${error.message}\n`);
    process.exit(1);
  };
  process.stdout.on("error", leave);
  process.stderr.on("error", ({ code: why }: NodeJS.ErrnoException) => process.exit(why === "EPIPE" ? 0 : 1));

  const output = (stream: NodeJS.WriteStream): Output => ({
    write: (text) => void stream.write(text),
    get isTerminal() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    drained: () =>
      stream.writableNeedDrain ? new Promise((resolve) => stream.once("drain", () => resolve())) : Promise.resolve(),
    // Node reads the size again at SIGWINCH, while somebody listens.
    onResize: (changed) => {
      stream.on("resize", changed);
      return () => void stream.off("resize", changed);
    },
  });

  const host: Host = {
    env: process.env,
    home: homedir(),
    out: output(process.stdout),
    err: output(process.stderr),
    input: {
      // Not process.stdin, which opens it: most commands read nothing.
      get isTerminal() {
        return isatty(0);
      },
      get chunks() {
        return process.stdin as AsyncIterable<Uint8Array>;
      },
      setRaw: (raw) => {
        if (isatty(0)) process.stdin.setRawMode(raw);
      },
    },
    signal: aborter.signal,
    clock: systemClock,
    random: systemRandom,
  };

  const code = await runCox(process.argv.slice(2), host);
  // What was written reaches its reader before the process ends; open handles of a broken connection do not hold it. What could not be
  // written is told by the stream's own error, which comes next.
  process.stdout.write("", (lost) => {
    if (!lost) process.stderr.write("", () => process.exit(code));
  });
}
