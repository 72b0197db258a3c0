// What a simulated container does, from its command: nothing is run. Most run until they are stopped; a few words end by themselves, and
// two variables in the container's environment say so of any image.
import type { ContainerConfig } from "@coxswain/container-runtime";
import type { FakeProgram } from "@coxswain/container-runtime/testing";
import { parseDuration } from "@coxswain/daemon";

/** How long the container runs, such as "5s". */
export const endsAfterVariable = "COXSWAIN_HOLLOW_ENDS_AFTER";
/** What it ends with; 0 when left out. */
export const exitCodeVariable = "COXSWAIN_HOLLOW_EXIT_CODE";

export function hollowProgram(config: Pick<ContainerConfig, "command" | "args" | "env">): FakeProgram {
  const variable = (name: string): string | undefined =>
    config.env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  const endsAfter = variable(endsAfterVariable);
  const exitCode = Number(variable(exitCodeVariable) ?? 0);
  if (endsAfter !== undefined) return { endsAfterMs: parseDuration(endsAfter) ?? 0, exitCode };
  return ofWords([...config.command, ...config.args]);
}

function ofWords(words: readonly string[]): FakeProgram {
  const [first = "", second = ""] = words;
  const program = first.replace(/^.*\//, "");
  if (program === "true") return { endsAfterMs: 0, exitCode: 0 };
  if (program === "false") return { endsAfterMs: 0, exitCode: 1 };
  if (program === "echo") return { stdout: `${words.slice(1).join(" ")}\n`, endsAfterMs: 0, exitCode: 0 };
  if (program === "sleep")
    return /^\d+(\.\d+)?s?$/.test(second) ? { endsAfterMs: Number.parseFloat(second) * 1000 } : {};
  if (["sh", "bash", "ash"].includes(program) && second === "-c") return ofScript(words[2] ?? "");
  return {};
}

/** Only scripts of words that are known above; every other one runs for ever. */
function ofScript(script: string): FakeProgram {
  let endsAfterMs = 0;
  let stdout = "";
  for (const line of script.split(/;|&&|\n/).map((part) => part.trim())) {
    const words = line.split(/\s+/).filter((word) => word !== "");
    if (words.length === 0) continue;
    if (words[0] === "exit") return { stdout, endsAfterMs, exitCode: Number(words[1] ?? 0) };
    const step = ofWords(words);
    if (step.endsAfterMs === undefined) return { stdout };
    endsAfterMs += step.endsAfterMs;
    stdout += step.stdout ?? "";
    if ((step.exitCode ?? 0) !== 0) return { stdout, endsAfterMs, exitCode: step.exitCode ?? 0 };
  }
  return { stdout, endsAfterMs, exitCode: 0 };
}
