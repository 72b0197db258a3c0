// Errors a person caused and can mend: printed as one line on stderr, exit code 1, no stack.

/** The command line or a file it names is wrong. The message is one sentence for a person. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The world around the daemon does not allow it to start: a port in use, a locked directory, an unreadable file. */
export class StartError extends Error {
  override readonly name = "StartError";
}
