// Tells what was done: "deployment.apps/web scaled (dry run)", or the object in the format of -o.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import type { Session } from "../session.ts";
import { kindName } from "./mapper.ts";
import type { Descriptor } from "./mapper.ts";

export type DryRun = "none" | "client" | "server";

export function dryRunOf(session: Session, args: Args): DryRun {
  const value = args.knows("dry-run") ? args.text("dry-run") : "none";
  if (value === "none" || value === "client" || value === "server") return value;
  if (value === "unchanged") {
    session.err.write("Warning: --dry-run is deprecated and can be replaced with --dry-run=client.\n");
    return "client";
  }
  throw new CommandError(`Invalid dry-run value (${value}). Must be "none", "server", or "client".`);
}

export type Reporter = (descriptor: Descriptor, object: ApiObject, operation: string) => Promise<void>;

/** With -o the objects, without it a line for each. */
export async function createReporter(
  session: Session,
  args: Args,
  order?: (object: unknown) => unknown,
): Promise<Reporter> {
  const printer = await createPrinter(args, order === undefined ? {} : { order });
  const dryRun = dryRunOf(session, args);
  const suffix = dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : "";
  const format = args.knows("output") ? args.text("output") : "";
  return async (descriptor, object, operation) => {
    const name = `${kindName(descriptor)}/${object.metadata.name}`;
    if (format === "name") session.out.write(`${name}\n`);
    else if (printer === undefined) session.out.write(`${name}${operation === "" ? "" : ` ${operation}`}${suffix}\n`);
    else session.out.write(await printer(object));
  };
}

/** -o given: the object is wanted, not a sentence. */
export const printsObject = (args: Args): boolean =>
  args.knows("output") && args.text("output") !== "" && args.text("output") !== "name";
