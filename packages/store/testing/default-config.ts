// The store's configuration as the flags' defaults make it, with what a test wants different.
import { parseDuration } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import { flags, parseConfig } from "../src/config.ts";
import type { StoreConfig } from "../src/config.ts";

export function defaultConfig(values: Partial<FlagValues<typeof flags>>): StoreConfig {
  const defaults = Object.entries(flags).flatMap(([name, flag]) => {
    if (!("default" in flag)) return [];
    return [[name, flag.type === "duration" ? parseDuration(flag.default) : flag.default]];
  });
  return parseConfig({ ...Object.fromEntries(defaults), ...values } as FlagValues<typeof flags>);
}
