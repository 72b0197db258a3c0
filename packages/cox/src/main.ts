#!/usr/bin/env node
// The process of the command line: argv, environment, signals and the exit code. No decision about clusters.
import { homedir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { createCli } from "./cli.ts";
import { describeFailure } from "./failure.ts";
import type { WithSession } from "./session.ts";
import { coxVersion } from "./version.ts";

const aborter = new AbortController();
process.on("SIGINT", () => {
  aborter.abort();
  process.exit(130);
});
// `cox … | head` closes the pipe early; that is the reader's right and no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const withSession: WithSession = async (options, work) => {
  const path = options.kubeconfig ?? process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config");
  const config = loadKubeconfig(path, { userAgent: `cox/${coxVersion}` });
  const client = createClient(config, { clock: systemClock });
  try {
    const namespace = options.namespace ?? client.namespace;
    await work({
      client,
      namespace,
      out: { write: (text) => void process.stdout.write(text) },
      signal: aborter.signal,
    });
  } finally {
    await client.close();
  }
};

try {
  await createCli(withSession).parseAsync(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
