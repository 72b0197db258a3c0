// Words for a daemon's next start on one machine of a lab. A wrapper is laid over node in the machine's own mounts, so the supervisor outside
// starts the same program and the daemon finds its environment, its preloaded modules, or its disk changed. With the machine's power all of it
// is gone.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonName } from "@coxswain/drill";
import { scratchOf, settled } from "./ground.ts";
import type { Ground } from "./ground.ts";

const mark = "COXSWAIN_DRILL";
const startMs = 45_000;

/** Restarts the daemon with the lines of shell before it; resolves when it runs with them. */
export async function restartWith(
  ground: Ground,
  machine: string,
  daemon: DaemonName,
  lines: readonly string[],
): Promise<void> {
  const directory = scratchOf(ground, machine);
  mkdirSync(join(directory, "real"), { recursive: true });
  const word = `${daemon}-${ground.clock.now()}`;
  writeFileSync(join(directory, `${daemon}.sh`), `${lines.join("\n")}\nexport ${mark}=${word}\n`);
  // Another daemon may be starting through it at this moment.
  if (!existsSync(join(directory, "wrapper")))
    writeFileSync(join(directory, "wrapper"), wrapper(directory), { mode: 0o755 });
  const real = join(directory, "real", "node");
  await ground.run(machine, [
    "sh",
    "-ec",
    `grep -q " $1 " /proc/self/mountinfo || { touch "$1"; mount --bind "$2" "$1"; mount --make-private "$1"; mount --bind "$3" "$2"; }`,
    "cover",
    real,
    process.execPath,
    join(directory, "wrapper"),
  ]);
  ground.kill(machine, daemon);
  await settled(ground, `${daemon} on ${machine} starts again`, startMs, async () =>
    ground.pids(machine, daemon).some((pid) => environmentOf(pid).includes(`${mark}=${word}\0`)),
  );
}

/** Takes the words away, and restarts the daemon without them unless it may run on. Nothing happens where there are none. */
export async function restartPlain(
  ground: Ground,
  machine: string,
  daemon: DaemonName,
  andRestart = true,
): Promise<void> {
  const directory = scratchOf(ground, machine);
  const file = join(directory, `${daemon}.sh`);
  if (!existsSync(file)) return;
  rmSync(file);
  if (!readdirSync(directory).some((name) => name.endsWith(".sh"))) await uncover(ground, machine, directory);
  if (!andRestart) return;
  const marked = (): boolean => ground.pids(machine, daemon).some((pid) => environmentOf(pid).includes(`${mark}=`));
  if (marked()) ground.kill(machine, daemon);
  await settled(ground, `${daemon} on ${machine} starts again`, startMs, async () => {
    const pids = ground.pids(machine, daemon);
    return pids.length > 0 && !marked();
  });
}

/** A module that is loaded before the daemon's own: what it replaces, the daemon never had. */
export function preload(ground: Ground, machine: string, name: string, source: string): string {
  const directory = scratchOf(ground, machine);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, source);
  return `export NODE_OPTIONS="$NODE_OPTIONS --import file://${file}"`;
}

async function uncover(ground: Ground, machine: string, directory: string): Promise<void> {
  // What runs still runs from it: it goes when they end. A machine that has lost its power has none.
  const script = `for place in "$2" "$1"; do ! grep -q " $place " /proc/self/mountinfo || umount -l "$place"; done`;
  await ground
    .run(machine, ["sh", "-c", script, "uncover", join(directory, "real", "node"), process.execPath])
    .catch((error: unknown) => {
      if (existsSync(join(ground.dataDir, "lab", machine, "init.pid"))) throw error;
    });
}

const wrapper = (directory: string): string => `#!/bin/sh
for word in "$@"; do
  case $word in
    */packages/*/src/main.ts)
      daemon=\${word%/src/main.ts}
      daemon=\${daemon##*/}
      [ ! -e '${directory}'/"$daemon".sh ] || . '${directory}'/"$daemon".sh
      ;;
  esac
done
exec '${directory}/real/node' "$@"
`;

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    // The process has ended between two looks.
    return "";
  }
}
