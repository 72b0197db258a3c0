// Brings the pinned Node and pnpm into .toolchain/, installs the workspace from the lockfile, then runs a script of
// ours with that Node. Plain JavaScript for Node 18 or newer and nothing else, because it runs before anything is
// there. When all is in place it costs two stat calls and one spawn. It decides nothing about clusters.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const toolchain = join(root, ".toolchain");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const nodeVersion = readFileSync(join(root, ".nvmrc"), "utf8").trim();
const pnpmVersion = manifest.toolchain.pnpm;
const bin = join(toolchain, `node-${nodeVersion}_pnpm-${pnpmVersion}`);
const node = join(bin, "node_modules", "node", "bin", "node");
const pnpm = join(bin, "node_modules", "pnpm", "bin", "pnpm.mjs");

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENT…]");
if (process.platform !== "linux") fail(`Coxswain runs on Linux; this is ${process.platform}.`);

withLock(() => {
  if (!existsSync(node) || !existsSync(pnpm)) bringToolchain();
  if (!workspaceIsInstalled()) installWorkspace();
});
run();

/** npm's package `node` fetches the binary for this machine in its install script, hence the explicit permission. */
function bringToolchain() {
  say(`bringing Node ${nodeVersion} and pnpm ${pnpmVersion} through npm`);
  const fresh = `${bin}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  const npm = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  must("npm", [...npm, `node@${nodeVersion}`, `pnpm@${pnpmVersion}`], { cwd: fresh });
  if (!existsSync(join(fresh, "node_modules", "node", "bin", "node"))) {
    fail(
      `npm installed node@${nodeVersion}, but its binary is missing; were install scripts disabled (npm config ignore-scripts)?`,
    );
  }
  rmSync(bin, { recursive: true, force: true });
  renameSync(fresh, bin);
}

function installWorkspace() {
  say("installing the workspace from the lockfile");
  must(node, [pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn"], { cwd: root });
  // The command line starts in half the time from a bundle; without one it starts from its sources.
  const bundled = spawnSync(node, [join(root, "scripts", "bundle.ts")], { encoding: "utf8", env: environment() });
  if (bundled.status !== 0) say(`cox starts slower than it could: ${bundled.stderr ?? bundled.error?.message}`);
  writeFileSync(stampFile(), "");
  const now = new Date();
  utimesSync(stampFile(), now, now);
}

function stampFile() {
  return join(root, "node_modules", ".coxswain-installed");
}

function workspaceIsInstalled() {
  if (!existsSync(stampFile())) return false;
  const installed = statSync(stampFile()).mtimeMs;
  return statSync(join(root, "pnpm-lock.yaml")).mtimeMs <= installed;
}

/** Two first starts at once would install over each other; the second waits for the first. */
function withLock(work) {
  if (existsSync(node) && existsSync(pnpm) && workspaceIsInstalled()) return;
  mkdirSync(toolchain, { recursive: true });
  const lock = join(toolchain, "install.lock");
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = Number(readFileSync(lock, "utf8"));
      if (!Number.isInteger(holder) || holder <= 0 || !existsSync(`/proc/${holder}`)) rmSync(lock, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function run() {
  const file = join(root, "scripts", `${script}.ts`);
  if (!existsSync(file)) fail(`there is no script ${script}`);
  const child = spawn(node, [file, ...args], { stdio: "inherit", env: environment() });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // The terminal sends Ctrl-C to the whole group; the child decides, we only stay to report its end.
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

function environment() {
  return {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".cache", "compile"),
    PATH: `${dirname(node)}:${process.env.PATH}`,
    COXSWAIN_PNPM: pnpm,
  };
}

function must(command, commandArgs, options) {
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}`, npm_config_loglevel: "error" };
  const result = spawnSync(command, commandArgs, {
    ...options,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  fail(
    result.error ? `${command} cannot be run: ${result.error.message}` : `${command} ${commandArgs.join(" ")} failed`,
  );
}

function say(text) {
  process.stderr.write(`coxswain: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`coxswain: ${text}\n`);
  process.exit(1);
}
