// Reads the file of --config. A file that is wrong is refused with every mistake named, and the scheduler does not start.
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { fieldErrorText } from "@coxswain/apimachinery";
import { UsageError, parseDuration } from "@coxswain/daemon";
import { readConfiguration } from "./core/configuration/configuration.ts";
import type { ExtensionPoint, SchedulerConfiguration } from "./core/configuration/types.ts";

export function readConfigFile(
  path: string,
  extra: Readonly<Record<string, readonly ExtensionPoint[]>> = {},
): SchedulerConfiguration {
  let value: unknown;
  try {
    value = load(readFileSync(path, "utf8"));
  } catch (cause) {
    const [line] = (cause as Error).message.split("\n", 1);
    throw new UsageError(`--config: ${path} cannot be read: ${line}`, { cause });
  }
  const { configuration, errors } = readConfiguration(value, parseDuration, extra);
  if (errors.length > 0) throw new UsageError(`--config: ${path}: ${errors.map(fieldErrorText).join("; ")}`);
  return configuration;
}
