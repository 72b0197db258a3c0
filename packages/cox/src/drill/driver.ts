// Runs one drill: finds the target, asks for consent where it is nobody's playground, starts the guardian, keeps the heart beating, writes
// what was seen and what came of it.
import { spawn, spawnSync } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Random } from "@coxswain/clock";
import { paced, paceOf, runDrill } from "@coxswain/drill";
import type { Drill, Pace, Summary, Target } from "@coxswain/drill";
import { CommandError } from "../failure.ts";
import type { Host } from "../session.ts";
import { beginRun, journalOf, writeRecording, writeReports } from "./runs.ts";
import { openTarget, projectRoot } from "./target.ts";
import type { TargetConfig } from "./target.ts";

export interface DriveOptions {
  readonly target: TargetConfig;
  readonly runs: string;
  readonly seed: number;
  readonly forMs?: number | undefined;
  readonly steadyMs: number;
  readonly consent: string | undefined;
  /** The pace that somebody insists on; a new lab gets it. */
  readonly profile: Pace | undefined;
}

const beatMs = 1000;

export async function drive(known: Drill, options: DriveOptions, host: Host): Promise<Summary> {
  const { clock } = host;
  const say = (text: string): void => host.err.write(`${text}\n`);
  startLab(options.target, options.profile, say);
  const target = openTarget(options.target, clock);
  const pace = await paceOfTarget(target);
  if (options.profile !== undefined && options.profile !== pace)
    throw new CommandError(`error: this cluster runs in the profile "${pace}", not "${options.profile}"`);
  const drill = paced(known, pace);
  say(
    `${drill.id}: ${drill.title}\n  breaks: ${drill.breaks}\n  on ${target.kind} "${target.name}": ${target.machines.map(({ name, master }) => `${name} (${master ? "master" : "worker"})`).join(", ")}; profile ${pace}; seed ${options.seed}`,
  );
  if (target.kind !== "lab" && options.consent !== target.name)
    throw new CommandError(
      `error: this breaks the cluster "${target.name}" for real; --yes-break ${target.name} says that you mean it`,
    );
  const stamp = new Date(clock.now())
    .toISOString()
    .replaceAll(/[-:]|\..*/g, "")
    .replace("T", "-");
  const id = `${drill.id.toLowerCase()}-${stamp}`;
  const command = `cox drill run ${drill.id} --seed ${options.seed} --on ${options.target.on}${options.forMs === undefined ? "" : ` --for ${options.forMs / 1000}s`}`;
  const run = beginRun(options.runs, id, {
    target: options.target,
    drill: drill.id,
    seed: options.seed,
    driver: process.pid,
  });
  const journal = journalOf(run);
  startGuardian(run.directory);
  const beating = new AbortController();
  const heart = (async () => {
    while (!beating.signal.aborted) {
      journal.beat();
      await clock.sleep(beatMs, beating.signal).catch(() => undefined);
    }
  })();
  try {
    const recording = await runDrill(
      drill,
      {
        id,
        pace,
        seed: options.seed,
        command,
        steadyMs: options.steadyMs,
        ...(options.forMs === undefined ? {} : { forMs: options.forMs }),
      },
      {
        target,
        clock,
        random: seededRandom(options.seed, host.random),
        journal,
        say,
        loadAverage: () => loadavg()[0] ?? 0,
        signal: host.signal,
      },
    );
    writeRecording(run, recording);
    return writeReports(options.runs, run, recording);
  } finally {
    beating.abort();
    await heart;
  }
}

async function paceOfTarget(target: Target): Promise<Pace> {
  const client = target.client();
  try {
    return await paceOf(client, AbortSignal.timeout(10_000));
  } finally {
    await client.close();
  }
}

/** The lab is ours to make where there is none. */
function startLab({ on, dataDir }: TargetConfig, profile: Pace | undefined, say: (text: string) => void): void {
  if (on !== "lab") return;
  const status = spawnSync(process.execPath, [join(projectRoot, "scripts", "status.ts"), "--data-dir", dataDir], {
    encoding: "utf8",
  });
  if (status.status === 0 && !/no cluster runs/.test(status.stdout)) return;
  say(`starting a lab of three masters and three workers in ${dataDir} …`);
  const started = spawnSync(
    process.execPath,
    [
      join(projectRoot, "scripts", "start.ts"),
      "--data-dir",
      dataDir,
      "--masters",
      "3",
      "--workers",
      "3",
      ...(profile === undefined ? [] : ["--profile", profile]),
      "--no-demo",
      "--detach",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (started.status !== 0) throw new CommandError("error: the lab did not start");
}

function startGuardian(directory: string): void {
  const log = openSync(join(directory, "guardian.log"), "a");
  const child = spawn(
    process.execPath,
    [join(projectRoot, "packages", "cox", "src", "main.ts"), "drill", "guard", directory],
    {
      detached: true,
      stdio: ["ignore", "ignore", log],
    },
  );
  closeSync(log);
  child.unref();
}

/** The same draws from the same seed (mulberry32); what must be unique comes from the machine. */
function seededRandom(seed: number, machine: Random): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { ...machine, next, int: (most) => Math.floor(next() * most) };
}
