// What `--validate` asks of the server, in its words.
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";

export function fieldValidationOf(args: Args): "Strict" | "Warn" | "Ignore" {
  switch (args.text("validate")) {
    case "true":
    case "strict":
      return "Strict";
    case "warn":
      return "Warn";
    case "false":
    case "ignore":
      return "Ignore";
    default:
      throw new CommandError(
        `invalid validate value (${args.text("validate")}). Must be one of: strict (or true), warn, ignore (or false).`,
      );
  }
}
