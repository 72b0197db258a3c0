// `npm run logs -- DAEMON [-f]`: prints a daemon's log for people: time, level, message, then the fields.
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Failure, runScript } from "./cluster/failure.ts";
import { defaultDataDir, layoutOf } from "./cluster/layout.ts";

await runScript(async () => {
  const { values, positionals } = parse();
  const { logDir } = layoutOf(values["data-dir"] ?? defaultDataDir);
  const machines = existsSync(logDir)
    ? readdirSync(logDir).filter((name) => statSync(join(logDir, name)).isDirectory())
    : [];
  const [daemon] = positionals;
  const files = machines
    .filter((machine) => values.machine === undefined || values.machine === machine)
    .map((machine) => ({ machine, file: join(logDir, machine, `${daemon}.log`) }))
    .filter(({ file }) => existsSync(file));
  if (daemon === undefined || files.length === 0) {
    const known = new Set(
      machines.flatMap((machine) => readdirSync(join(logDir, machine))).map((name) => name.replace(/\.log(\.1)?$/, "")),
    );
    const names = [...known].sort().join(", ") || "none yet";
    throw new Failure(
      daemon === undefined
        ? `which daemon's log? There are: ${names}`
        : `there is no log of ${daemon}; there are: ${names}`,
    );
  }
  await Promise.all(
    files.map(({ machine, file }) => print(file, files.length > 1 ? `${machine} ` : "", values.follow === true)),
  );
});

function parse() {
  try {
    return parseArgs({
      options: { "data-dir": { type: "string" }, machine: { type: "string" }, follow: { type: "boolean", short: "f" } },
      allowPositionals: true,
    });
  } catch (cause) {
    throw new Failure((cause as Error).message, { cause });
  }
}

async function print(file: string, prefix: string, follow: boolean): Promise<void> {
  let position = await printFrom(file, 0, prefix);
  if (!follow) return;
  for await (const _change of watch(file)) {
    if (statSync(file).size < position) position = 0;
    position = await printFrom(file, position, prefix);
  }
}

async function printFrom(file: string, start: number, prefix: string): Promise<number> {
  const end = statSync(file).size;
  if (end <= start) return end;
  for await (const line of createInterface({ input: createReadStream(file, { start, end: end - 1 }) })) {
    process.stdout.write(`${prefix}${humanize(line)}\n`);
  }
  return end;
}

function humanize(line: string): string {
  if (!line.startsWith("{")) return line;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line; // Cut short by a kill.
  }
  const { time, level, msg, component: _component, err, ...fields } = entry;
  const data = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const error = err as { message?: string; stack?: string } | undefined;
  const tail = error ? [`\n    ${(error.stack ?? error.message ?? "").replaceAll("\n", "\n    ")}`] : [];
  return [String(time), String(level).toUpperCase().padEnd(5), String(msg), ...data, ...tail].join(" ");
}
