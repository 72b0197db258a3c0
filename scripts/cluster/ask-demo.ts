// Asks a service through its DNS name until two different pods have answered. Run as a process of its own, because the
// question must come from inside a machine: `node ask-demo.ts NAME DNS-ADDRESS TIMEOUT-MS`. Prints one JSON value.
import { Resolver } from "node:dns/promises";
import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface DemoAnswers {
  readonly address: string;
  /** Time from the start of the question to the first answer, in milliseconds. */
  readonly firstAnswerMs: number;
  readonly answers: readonly string[];
}

const [name = "", dns = "", timeout = "60000"] = process.argv.slice(2);
const startedAt = performance.now();
const deadline = startedAt + Number(timeout);
const resolver = new Resolver({ timeout: 500, tries: 1 });
resolver.setServers([dns]);

const answers = new Map<string, string>();
let firstAnswerMs = 0;
let address = "";
let lastError = "nothing was asked";
while (answers.size < 2 && performance.now() < deadline) {
  try {
    address = (await resolver.resolve4(name))[0] ?? "";
    const text = (await ask(address)).trim();
    firstAnswerMs ||= performance.now() - startedAt;
    answers.set(/pod (\S+)/.exec(text)?.[1] ?? text, text);
  } catch (error) {
    lastError = (error as Error).message;
    await delay(50);
  }
}
if (answers.size === 0) {
  process.stderr.write(`no answer from ${name}: ${lastError}\n`);
  process.exitCode = 1;
} else {
  const result: DemoAnswers = { address, firstAnswerMs, answers: [...answers.values()] };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function ask(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = get(
      { host, port: 80, path: "/", timeout: 1000, agent: false, headers: { host: name } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          response.statusCode === 200 ? resolve(text) : reject(new Error(`status ${response.statusCode}`)),
        );
        response.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 1 s")));
    outgoing.on("error", reject);
  });
}
