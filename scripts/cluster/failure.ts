// A failure that a person caused or can mend: one sentence on stderr, exit code 1, no stack.

export class Failure extends Error {
  override readonly name = "Failure";
}

/** Runs a script's main function; the process ends with its code, and with 1 and one sentence when it throws. */
export async function runScript(main: () => Promise<number | void>): Promise<never> {
  try {
    process.exit((await main()) ?? 0);
  } catch (error) {
    if (error instanceof Failure) process.stderr.write(`coxswain: ${error.message}\n`);
    else process.stderr.write(`coxswain: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  }
}
