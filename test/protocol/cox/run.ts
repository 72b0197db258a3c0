// Runs one command line through kubectl (a process) and through cox (in this process), and makes what they print comparable: the
// program's name, ages and what a server draws by chance are evened out, nothing else.
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { systemClock, systemRandom } from "@coxswain/clock";
import { runCox } from "../../../packages/cox/src/cli.ts";
import type { Host, Output } from "../../../packages/cox/src/session.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Output on a terminal; `signal` is its Ctrl-C. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly signal: AbortSignal;
  saw(text: string): void;
}

export function runKubectl(words: readonly string[], kubeconfig: string, input = ""): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      "kubectl",
      [...words],
      { env: { ...process.env, KUBECONFIG: kubeconfig, COLUMNS: "80" }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.on("error", () => undefined); // a command that reads nothing may be gone already
    child.stdin?.end(input);
  });
}

export async function runCommand(
  words: readonly string[],
  kubeconfig: string,
  cache: string,
  input = "",
  terminal?: Terminal,
): Promise<Outcome> {
  const written = { out: [] as Uint8Array[], err: [] as Uint8Array[] };
  const output = (to: Uint8Array[]): Output => ({
    write(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      to.push(bytes);
      terminal?.saw(Buffer.from(bytes).toString());
    },
    isTerminal: terminal !== undefined,
    columns: terminal?.columns ?? 80,
    rows: terminal?.rows ?? 24,
    drained: () => Promise.resolve(),
    onResize: () => () => undefined,
  });
  const host: Host = {
    env: {
      ...process.env,
      KUBECONFIG: kubeconfig,
      KUBECACHEDIR: cache,
      ...(terminal && { TERM: "xterm", NO_COLOR: "1" }),
    },
    home: homedir(),
    out: output(written.out),
    err: output(written.err),
    input: {
      isTerminal: terminal !== undefined,
      chunks: (async function* () {
        yield await Promise.resolve(Buffer.from(input));
      })(),
      setRaw: () => undefined,
    },
    signal: terminal?.signal ?? new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
  };
  const code = await runCox(words, host);
  return { code, stdout: Buffer.concat(written.out).toString(), stderr: Buffer.concat(written.err).toString() };
}

/** Splits as a shell does, quotes taken away. */
export function splitWords(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"(?:[^"\\]|\\.)*")+/g)].map(([word]) =>
    word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"/g,
      (_whole, single?: string, double?: string) => single ?? double?.replace(/\\(["\\])/g, "$1") ?? "",
    ),
  );
}

export function even({ code, stdout, stderr }: Outcome): Outcome {
  return { code, stdout: evenText(stdout), stderr: evenText(stderr) };
}

function evenText(text: string): string {
  return inKeyOrder(text)
    .replaceAll("kubectl", "cox")
    .replace(/\b\d+m\d*s?\b(?=\s|$)/gm, "AGE")
    .replace(/(?<![\w.=-])\d+s\b/gm, "AGE")
    .replace(/ +(?=AGE)|(?<=AGE) +/g, " ")
    .replace(/ +$/gm, "")
    .replace(/^(NAME.*?|.*\bAGE\b.*)$/gm, (line) => line.replace(/ {2,}/g, "  "))
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "UID")
    .replace(/("?(?:resourceVersion|creationTimestamp|time)"?: )"[^"]*"/g, '$1"X"')
    .replace(/\b(10\.(?:9[6-9]|1[01]\d)\.\d+\.\d+)\b/g, "CLUSTERIP")
    .replace(/(nodePort"?: |:)3[0-2]\d{3}\b/g, "$1NODEPORT")
    .replace(
      /E\d{4} [\d:.]+ +\d+ \S+\] "command failed" err="((?:[^"\\]|\\.)*)"/g,
      (_whole, message: string) => `error: ${message.replaceAll('\\"', '"')}`,
    );
}

/** The entries of a described ConfigMap or Secret, which kubectl prints in the order in which Go walks a map: another one each time. */
function inKeyOrder(text: string): string {
  return text
    .replace(/(?<=^Data\n====\n)\S+:\n----\n[\s\S]*(?=^BinaryData$)/m, (entries) =>
      entries
        .split(/^(?=\S+:\n----$)/m)
        // The last one stands before a line more or less than the others.
        .map((entry) => entry.replace(/\n+$/, "\n"))
        .sort()
        .join(""),
    )
    .replace(/(?<=^Data\n====\n)(?:\S+: +\d+ bytes\n?)+/m, (entries) =>
      entries.trimEnd().split("\n").sort().join("\n"),
    );
}
