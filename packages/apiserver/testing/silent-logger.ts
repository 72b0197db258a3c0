// A logger for tests that look at other things.
import type { Logger } from "@coxswain/daemon";

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
