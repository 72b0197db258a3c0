// A running cluster for tests, started and stopped through the same commands that people use. Everything is asked
// through unmodified clients.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestCluster extends AsyncDisposable {
  readonly dataDir: string;
  readonly kubeconfig: string;
  /** kubectl with the admin's kubeconfig; input goes to standard input. Never throws for an exit code. */
  kubectl(args: readonly string[], input?: string): Promise<Outcome>;
  /** kubectl whose failure is the test's failure; answers stdout. */
  must(args: readonly string[], input?: string): Promise<string>;
  cox(args: readonly string[], input?: string): Promise<Outcome>;
  /** Process ids of the daemons by name, as `npm run status` knows them. */
  pids(): Readonly<Record<string, number>>;
  supervisorPid(): number;
}

/** Runs one of our scripts with this Node. */
export function script(name: string, args: readonly string[], input?: string): Promise<Outcome> {
  return run(process.execPath, [join(projectRoot, "scripts", `${name}.ts`), ...args], input);
}

export function run(
  command: string,
  args: readonly string[],
  input?: string,
  env?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024, env: env ?? process.env, timeout: 110_000 };
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
      resolve({ code, stdout, stderr: error && typeof error.code !== "number" ? `${stderr}${error.message}` : stderr });
    });
    // A command that ends before it has read is told of by its exit code.
    child.stdin?.once("error", () => undefined).end(input ?? "");
  });
}

export async function startCluster(args: readonly string[] = []): Promise<TestCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), "coxswain-system-"));
  const started = await script("start", ["--detach", "--data-dir", dataDir, ...args]);
  if (started.code !== 0) throw new Error(`the cluster does not start:\n${started.stdout}${started.stderr}`);
  return attach(dataDir);
}

export function attach(dataDir: string): TestCluster {
  const kubeconfig = join(dataDir, "kubeconfig", "admin.conf");
  const kubectl = (args: readonly string[], input?: string) =>
    run("kubectl", ["--kubeconfig", kubeconfig, ...args], input);
  return {
    dataDir,
    kubeconfig,
    kubectl,
    async must(args, input) {
      const { code, stdout, stderr } = await kubectl(args, input);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed with ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    cox: (args, input) =>
      run(
        process.execPath,
        [join(projectRoot, "packages/cox/src/main.ts"), ...args, "--kubeconfig", kubeconfig],
        input,
      ),
    supervisorPid: () => readInstance(dataDir).pid,
    pids() {
      const instance = readInstance(dataDir);
      return Object.fromEntries(
        instance.processes.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])),
      );
    },
    async [Symbol.asyncDispose]() {
      await script("stop", ["--data-dir", dataDir]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function readInstance(dataDir: string): {
  readonly pid: number;
  readonly processes: readonly { readonly name: string; readonly pid?: number }[];
} {
  return JSON.parse(readFileSync(join(dataDir, "instance.json"), "utf8"));
}

/** Looks again until `look` answers something; fails with the last reason. For facts that no watch can tell. */
export async function eventually<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = "never looked";
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = "not yet";
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms (${last instanceof Error ? last.message : String(last)})`);
}
