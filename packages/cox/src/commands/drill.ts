// `cox drill`: break a cluster on purpose and get a verdict. Flags and words only; running is in ../drill/, judging in the drill package.
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { drills, findDrill, suites } from "@coxswain/drill";
import type { Drill, Pace, Summary } from "@coxswain/drill";
import type { Argv } from "yargs";
import { parseDuration } from "../args/flags.ts";
import { drive } from "../drill/driver.ts";
import { findRun, entriesOf, readPlan, readRecording, readSummary, runsIn, writeReports } from "../drill/runs.ts";
import { openTarget, projectRoot } from "../drill/target.ts";
import { lives, undoRun } from "../drill/undo.ts";
import { guard } from "../drill/guardian.ts";
import { spof } from "../drill/spof.ts";
import { CommandError, ExitError } from "../failure.ts";
import type { Session, WithSession } from "../session.ts";

interface Options {
  readonly on: string;
  readonly "data-dir": string;
  readonly runs: string | undefined;
  readonly seed: number | undefined;
  readonly for: string | undefined;
  readonly steady: string;
  readonly "yes-break": string | undefined;
  readonly profile: string | undefined;
}

const signs = { passed: "✓", violated: "✗", unknown: "?" } as const;

export function addDrill(cli: Argv, withSession: WithSession): Argv {
  const common = <T>(command: Argv<T>) =>
    command
      .option("on", { choices: ["lab", "this-cluster"], default: "lab", describe: "what is broken" })
      .option("data-dir", { type: "string", default: join(projectRoot, ".coxswain"), describe: "of npm start" })
      .option("runs", { type: "string", describe: "where drills are kept (default: drills in the data directory)" })
      .option("seed", { type: "number", describe: "repeats the schedule of another run" })
      .option("for", { type: "string", describe: "strike so long instead of so often" })
      .option("steady", { type: "string", default: "10s", describe: "how long to watch before the first strike" })
      .option("profile", { choices: ["default", "fast"], describe: "how soon the cluster acts on silence" })
      .option("yes-break", { type: "string", describe: "the name of a cluster that is no lab" });
  const kept = <T>(command: Argv<T>) =>
    command
      .option("data-dir", { type: "string", default: join(projectRoot, ".coxswain"), describe: "of npm start" })
      .option("runs", { type: "string", describe: "where drills are kept" });
  const run = (work: (session: Session) => Promise<void>): Promise<void> => withSession({}, work);
  return cli.command("drill", "Break a cluster on purpose, and get a verdict", (drill) =>
    drill
      .command("list", "The drills, with what each one breaks and proves", {}, () =>
        run(async ({ out }) => {
          for (const { id, title, proves, breaks } of drills)
            out.write(`${id.padEnd(6)} ${title} [${proves.join(", ")}]\n       ${breaks}\n`);
          for (const [name, ids] of Object.entries(suites)) out.write(`\nsuite ${name}: ${ids.join(" ")}`);
          out.write("\n");
        }),
      )
      .command(
        "run <drill>",
        "Run one drill",
        (command) => common(command.positional("drill", { type: "string", demandOption: true })),
        (options) => run((session) => runAll([wanted(options.drill)], options, session)),
      )
      .command(
        "suite <suite>",
        "Run several drills",
        (command) => common(command.positional("suite", { choices: Object.keys(suites), demandOption: true })),
        (options) => run((session) => runAll((suites[options.suite] ?? []).map(wanted), options, session)),
      )
      .command(
        "spof",
        "Kill every process and every machine, one at a time, and print what came of it",
        common,
        (options) => run((session) => spof({ target: targetOf(options), consent: options["yes-break"] }, session)),
      )
      .command(
        "report [id]",
        "Print the report of a drill",
        (command) =>
          kept(command)
            .positional("id", { type: "string", default: "last" })
            .option("open", { type: "boolean", describe: "show the page in a browser" }),
        (options) =>
          run(async ({ out, env }) => {
            const browser = env["BROWSER"] ?? "xdg-open";
            const found = findRun(runsOf(options), options.id);
            const summary = readSummary(found);
            if (summary === undefined)
              throw new CommandError(`error: ${found.id} has no report: it did not come to its end`);
            print(summary, out);
            const page = join(found.directory, "report.html");
            out.write(`${page}\n`);
            if (options.open) await open(page, browser);
          }),
      )
      .command(
        "recheck <id>",
        "Judge an old recording by the checkers of today",
        (command) => kept(command).positional("id", { type: "string", demandOption: true }),
        (options) =>
          run(async ({ out }) => {
            const found = findRun(runsOf(options), options.id);
            const summary = writeReports(runsOf(options), found, readRecording(found));
            print(summary, out);
            if (summary.outcome !== "passed") throw new ExitError(1);
          }),
      )
      .command(
        "abort",
        "Heal everything that drills have broken; works also when their driver is dead",
        kept,
        (options) => run((session) => abort(options, session)),
      )
      .command(
        "guard <directory>",
        false,
        (command) => command.positional("directory", { type: "string", demandOption: true }),
        (options) => run((session) => guard(options.directory, session)),
      )
      .demandCommand(1, "drill needs a verb; see cox drill --help"),
  );
}

const runsOf = (options: { readonly runs: string | undefined; readonly "data-dir": string }): string =>
  resolve(options.runs ?? join(options["data-dir"], "drills"));
const targetOf = (options: Options) =>
  ({ on: options.on === "lab" ? "lab" : "this-cluster", dataDir: resolve(options["data-dir"]) }) as const;

function wanted(id: string): Drill {
  const drill = findDrill(id);
  if (drill === undefined)
    throw new CommandError(`error: there is no drill "${id}"; there are ${drills.map((each) => each.id).join(", ")}`);
  return drill;
}

const paceNamed = (name: string): Pace => (name === "fast" ? "fast" : "default");

async function runAll(chosen: readonly Drill[], options: Options, session: Session): Promise<void> {
  const forMs = options.for === undefined ? undefined : parseDuration(options.for);
  const steadyMs = parseDuration(options.steady);
  if (steadyMs === undefined || (options.for !== undefined && forMs === undefined))
    throw new CommandError("error: a duration is written like 90s or 5m");
  const outcomes: Summary[] = [];
  for (const drill of chosen) {
    const seed = options.seed ?? session.random.int(2 ** 31);
    const summary = await drive(
      drill,
      {
        ...{ target: targetOf(options), runs: runsOf(options), seed, forMs, steadyMs },
        ...{
          consent: options["yes-break"],
          profile: options.profile === undefined ? undefined : paceNamed(options.profile),
        },
      },
      session,
    );
    print(summary, session.out);
    session.out.write(`${join(runsOf(options), summary.id, "report.html")}\n\n`);
    outcomes.push(summary);
    if (session.signal.aborted) break;
  }
  if (chosen.length > 1)
    for (const { drill, outcome, title, seconds } of outcomes)
      session.out.write(`${signs[outcome]} ${drill}  ${title} (${seconds} s)\n`);
  if (outcomes.length < chosen.length || outcomes.some(({ outcome }) => outcome !== "passed")) throw new ExitError(1);
}

function print({ drill, title, outcome, verdicts, failures }: Summary, out: Session["out"]): void {
  out.write(`${drill} ${title}: ${outcome === "violated" ? "FAILED" : outcome}\n`);
  for (const { promise, outcome: of, because, violations } of verdicts) {
    out.write(`  ${signs[of]} ${promise}: ${because}\n`);
    const drawing = violations[0]?.drawing ?? "";
    if (of === "violated" && drawing !== "") out.write(`${drawing.replaceAll(/^/gm, "      ")}\n`);
  }
  for (const text of failures) out.write(`  ! ${text}\n`);
}

async function abort(
  options: { readonly runs: string | undefined; readonly "data-dir": string },
  { out, clock }: Session,
): Promise<void> {
  const open = runsIn(runsOf(options)).filter(
    (each) => !entriesOf(each).some(({ kind }) => kind === "finished") && entriesOf(each).length > 0,
  );
  if (open.length === 0) out.write("nothing is broken by a drill\n");
  for (const each of open) {
    const { driver, target } = readPlan(each);
    if (lives(driver)) {
      process.kill(driver, "SIGKILL");
      while (lives(driver)) await clock.sleep(20);
    }
    const done = await undoRun(each, openTarget(target, clock), clock, "abort");
    out.write(`${each.id}: ${done.join("; ") || "nothing was left to undo"}\n`);
  }
}

function open(page: string, browser: string): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(browser, [page], { detached: true, stdio: "ignore" });
    child.once("error", () => reject(new CommandError(`error: no browser could be opened; the page is ${page}`)));
    child.once("spawn", () => {
      child.unref();
      done();
    });
  });
}
