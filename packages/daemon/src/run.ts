// The life of a daemon's process: read the flags, assemble, start, wait for a signal, stop within the grace, exit.
// The only place that reads argv, listens to signals and ends the process. It knows no daemon.
import { readFileSync } from "node:fs";
import { systemClock, systemRandom } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import type { Component } from "./component.ts";
import { describeCommand, describeCommands, findCommand } from "./command.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { defineFlags, describeFlags, flagsFromEnvironment, parseFlags } from "./flags.ts";
import type { FlagTable, FlagValues } from "./flags.ts";
import { createLogger, logLevels } from "./logger.ts";
import type { LogLevel, Logger } from "./logger.ts";
import { createMetricsRegistry } from "./metrics.ts";
import type { MetricsRegistry } from "./metrics.ts";

/** What the skin hands to every daemon. */
export interface DaemonPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Ends the process at once after a failure that nothing may survive (a failed fsync, a broken invariant). */
  readonly die: (reason: string, cause: unknown) => never;
  /** Ends the process in order, as SIGTERM would: what it was started for is done. */
  readonly end: (reason: string) => void;
}

export interface Daemon<Table extends FlagTable, Config> {
  /** The component's name, also in logs and metrics. */
  readonly name: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  readonly flags: Table;
  /** What environment variables for flags begin with; without it there are none. A flag on the command line goes before. */
  readonly environmentPrefix?: string;
  /** The flag that names a file to take all flags from instead, and how its text is read. */
  readonly configFile?: { readonly flag: string; readonly parse: (text: string) => ReadonlyMap<string, string> };
  /** What else the program does, once, when words stand before the flags. */
  readonly commands?: readonly Command[];
  /** Turns the flags into one readonly value; throws `UsageError`. */
  readonly config: (flags: FlagValues<Table>) => Config;
  /** How long a stop may take, in milliseconds, when that is not the usual time. */
  readonly stopGraceMs?: (config: Config) => number;
  readonly assemble: (config: Config, ports: DaemonPorts) => Component | Promise<Component>;
}

/** How long a stop may take before the process ends anyway, in milliseconds. */
const usualStopGraceMs = 30_000;
export const version = "0.1.0";

const commonFlags = defineFlags({
  "log-level": { type: "string", default: "info", help: `Lowest level that is logged: ${logLevels.join(", ")}` },
  v: { type: "number", default: 0, help: "Kubernetes' verbosity; 4 and above log at debug level" },
  version: { type: "boolean", default: false, help: "Print the version and exit" },
  help: { type: "boolean", default: false, help: "Print this text and exit" },
});

/** Runs until a signal comes; the process ends in here. */
export async function runDaemon<Table extends FlagTable, Config>(daemon: Daemon<Table, Config>): Promise<void> {
  const table = { ...daemon.flags, ...commonFlags };
  let log: Logger | undefined;
  try {
    const argv = process.argv.slice(2);
    const commands = daemon.commands ?? [];
    // Before parsing: who asks for help need not give the required flags.
    if (argv.includes("--help")) {
      const asked = commands.find(({ name }) => argv.join(" ").startsWith(name));
      if (asked) return print(describeCommand(daemon.name, asked, commonFlags));
      return print(`${daemon.summary}\n${describeCommands(commands)}\nFlags:\n${describeFlags(table)}\n`);
    }
    const invocation = findCommand(commands, commonFlags, argv);
    if (invocation) {
      // A person is waiting for one answer: what goes well is not logged.
      const quiet = createLogger(daemon.name, "warn");
      const ports = { clock: systemClock, random: systemRandom, log: quiet, print };
      await invocation.command.run(invocation.flags, invocation.given, ports);
      process.exit(0);
    }
    const flags = readFlags(daemon, table, argv) as FlagValues<Table> & FlagValues<typeof commonFlags>;
    if (flags.version) return print(`Coxswain ${daemon.name} ${version}\n`);
    const config = daemon.config(flags);
    log = createLogger(daemon.name, levelOf(flags["log-level"], flags.v));
    await live(daemon, config, log);
  } catch (error) {
    if (log) log.error({ err: error }, "the daemon cannot run");
    process.stderr.write(`${daemon.name}: ${sentence(error)}\n`);
    process.exit(1);
  }
}

/** Where a configuration file is named, it is the whole truth. */
function readFlags(
  { environmentPrefix: prefix, configFile }: Pick<Daemon<FlagTable, unknown>, "environmentPrefix" | "configFile">,
  table: FlagTable,
  argv: readonly string[],
): FlagValues<FlagTable> {
  const environment =
    prefix === undefined ? new Map<string, string>() : flagsFromEnvironment(table, prefix, process.env);
  const flags = parseFlags(table, argv, environment);
  const file = configFile === undefined ? undefined : flags[configFile.flag];
  if (configFile === undefined || typeof file !== "string" || file === "") return flags;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`--${configFile.flag}: ${(cause as Error).message}`, { cause });
  }
  return parseFlags(table, [], configFile.parse(text));
}

async function live<Table extends FlagTable, Config>(
  daemon: Daemon<Table, Config>,
  config: Config,
  log: Logger,
): Promise<void> {
  const die = (reason: string, cause: unknown): never => {
    log.error({ err: cause }, "fatal");
    process.stderr.write(`${daemon.name}: ${reason}: ${sentence(cause)}\n`);
    process.exit(1);
  };
  process.on("uncaughtException", (error) => die("a bug ended the process", error));
  process.on("unhandledRejection", (error) => die("a bug ended the process (a promise nobody owned)", error));

  const aborter = new AbortController();
  const metrics = createMetricsRegistry(daemon.name);
  const asked = Promise.withResolvers<string>();
  let signalled = false;
  const end = (reason: string): void => {
    // As a signal would: a start that still waits for something gives up.
    aborter.abort(new DOMException(reason, "AbortError"));
    asked.resolve(reason);
  };
  const component = await daemon.assemble(config, { clock: systemClock, random: systemRandom, log, metrics, die, end });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(1);
      signalled = true;
      aborter.abort(new DOMException(`stopped by ${signal}`, "AbortError"));
      asked.resolve(signal);
    });
  }
  log.info({ pid: process.pid, version }, "starting");
  const startedAt = systemClock.monotonic();
  const starting = component.start(aborter.signal).then(() => {
    log.info({ durationMs: Math.round(systemClock.monotonic() - startedAt) }, "started");
  });
  // A stop may come before the start is through: then the start's own end (an abort) is not an error.
  await Promise.race([starting, asked.promise]);
  const signal = await asked.promise;
  log.info({ signal }, "stopping");
  const stopGraceMs = daemon.stopGraceMs?.(config) ?? usualStopGraceMs;
  systemClock.setTimeout(() => die("the stop took longer than its grace", new Error(`${stopGraceMs} ms`)), stopGraceMs);
  await starting.catch(() => undefined);
  await component.stop();
  log.info({}, "stopped");
  process.exit(0);
}

function levelOf(text: string, verbosity: number): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (!level)
    throw new UsageError(
      `invalid argument ${JSON.stringify(text)} for "--log-level" flag: expected one of ${logLevels.join(", ")}`,
    );
  return verbosity >= 4 ? "debug" : level;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** The first line of a message; of what the language itself throws also the kind, since that was not meant for a person. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const line = error.message.split("\n", 1)[0] ?? "";
  return /^(Type|Range|Reference|Syntax|Assertion)Error/.test(error.name) ? `${error.name}: ${line}` : line;
}
