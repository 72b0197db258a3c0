// Runs a CNI plugin to its end, by the protocol: variables and one document in, one document out. Which, and what they are told, is decided elsewhere.
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { failureIn } from "../../core/network/cni.ts";
import type { CniCall } from "../../core/network/cni.ts";
import { AgentError } from "../../errors.ts";

const mostOutputBytes = 1 << 20;
/** A plugin that asks somebody far away and gets no answer must not hold the pod for ever. */
const longestMs = 120_000;

/** Its result; `undefined` when it says nothing, as after DEL. */
export async function runPlugin(call: CniCall, directories: readonly string[], signal?: AbortSignal): Promise<unknown> {
  const path = await findPlugin(call.plugin, directories);
  const environment = { ...call.environment, CNI_PATH: directories.join(":"), PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const limit = AbortSignal.timeout(longestMs);
  const { code, output, errors } = await run(
    path,
    environment,
    call.input,
    AbortSignal.any(signal ? [signal, limit] : [limit]),
  );
  const failed = `plugin type=${JSON.stringify(call.plugin)} failed (${call.environment["CNI_COMMAND"]?.toLowerCase() ?? ""})`;
  if (code !== 0) throw new AgentError("network", `${failed}: ${failureIn(output) || errors.trim() || `code ${code}`}`);
  if (output.trim() === "") return undefined;
  try {
    return JSON.parse(output) as unknown;
  } catch (cause) {
    throw new AgentError("network", `${failed}: its result is not JSON`, cause);
  }
}

export async function findPlugin(name: string, directories: readonly string[]): Promise<string> {
  for (const directory of directories) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new AgentError("network", `failed to find plugin ${JSON.stringify(name)} in path [${directories.join(" ")}]`);
}

function run(
  path: string,
  env: Readonly<Record<string, string>>,
  input: string,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; output: string; errors: string }>();
  const child = spawn(path, [], { env, signal, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(0, mostOutputBytes)));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(0, mostOutputBytes)));
  child.on("error", (cause) => reject(new AgentError("network", `${path} could not be run: ${cause.message}`, cause)));
  child.on("close", (code) => resolve({ code, output, errors }));
  // A plugin that has read enough may close its end first.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return promise;
}
