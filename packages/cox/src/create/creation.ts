// What all of `create SOMETHING` share: flags, dry runs, the saved configuration, and one request. The objects are made by the neighbours.
import { StatusError } from "@coxswain/apimachinery";
import type { ApiObject, Schema } from "@coxswain/apimachinery";
import { bool, dryRunFlag, fieldManagerFlag, outputFlags, text, validateFlag } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { createObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { withLastApplied } from "../resource/last-applied.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import type { Session } from "../session.ts";

export const creationFlags: Flags = {
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag("kubectl-create"),
  ...validateFlag,
  "save-config": bool(
    "If true, the configuration of current object will be saved in its annotation. Otherwise, the annotation will be unchanged.",
  ),
};

export interface Creation {
  readonly usage: string;
  readonly summary: string;
  readonly examples?: string;
  readonly flags?: Flags;
  /** How many words are wanted; one unless told otherwise. */
  readonly make: (args: Args, session: Session) => Promise<ApiObject> | ApiObject;
  readonly words?: "one" | "some";
}

export function creation({ usage, summary, examples, flags, make, words = "one" }: Creation): Command {
  return {
    usage: `create ${usage} [options]`,
    summary,
    ...(examples === undefined ? {} : { examples }),
    flags: { ...creationFlags, ...flags },
    run: async (session, args) => {
      if (words === "one" && args.words.length !== 1)
        throw new UsageError(`exactly one NAME is required, got ${args.words.length}`);
      await createNow(session, args, (await make(args, session)) as Obj);
    },
  };
}

export const overrideFlags: Flags = {
  "override-type": text("The method used to override the generated object: json, merge, or strategic.", {
    default: "merge",
  }),
  overrides: text(
    "An inline JSON override for the generated object. If this is non-empty, it is used to override the generated object. Requires that the object supply a valid apiVersion field.",
  ),
};

/** The object with what --overrides says instead. */
export async function overridden(args: Args, made: Obj): Promise<Obj> {
  if (args.text("overrides") === "") return made;
  const type = args.text("override-type");
  if (type !== "json" && type !== "merge" && type !== "strategic")
    throw new CommandError(`invalid override type: ${type}`);
  const [{ applyLocally }, { decodeYaml }, { gvkOf }] = await Promise.all([
    import("../resource/local-patch.ts"),
    import("../resource/yaml.ts"),
    import("../resource/local-mapper.ts"),
  ]);
  return applyLocally({ descriptor: gvkOf(made), object: made }, type, decodeYaml(args.text("overrides")));
}

/** Creates (or only shows) one object and says so. */
export async function createNow(session: Session, args: Args, made: Obj, operation = "created"): Promise<void> {
  const dryRun = dryRunOf(session, args);
  const report = await createReporter(session, args, args.text("output") === "json" ? await typedOrder() : undefined);
  // What is only shown needs no cluster.
  const local = dryRun === "client" ? (await import("../resource/local-mapper.ts")).localDescriptor(made) : undefined;
  const descriptor = local ?? (await (await session.mapper()).ofObject(made));
  const inPlace = descriptor.namespaced && (session.namespaceGiven || dryRun !== "client" || args.flag("save-config"));
  let object: Obj =
    inPlace && made.metadata.namespace === undefined
      ? { ...made, metadata: { ...made.metadata, namespace: session.namespace } }
      : made;
  if (args.flag("save-config")) object = withLastApplied(object);
  if (dryRun !== "client")
    object = await createObject(
      session,
      descriptor,
      descriptor.namespaced ? (object.metadata.namespace ?? session.namespace) : undefined,
      object,
      {
        dryRun: dryRun === "server",
        fieldManager: args.text("field-manager"),
        fieldValidation: fieldValidationOf(args),
      },
    ).catch((error: unknown) => {
      if (!(error instanceof StatusError) || ["Namespace", "ClusterRole"].includes(made.kind)) throw error;
      if (error.status.reason === "Invalid" && made.kind !== "PriorityClass") throw error;
      throw new CommandError(`failed to create ${made.kind.toLowerCase()}: ${error.message}`, { cause: error });
    });
  await report(descriptor, object, operation);
}

/** Metadata as kubectl's own objects carry it. */
export const metadataOf = (name: string, labels?: Record<string, string>): ApiObject["metadata"] =>
  ({ creationTimestamp: null, ...(labels === undefined ? {} : { labels }), name }) as object as ApiObject["metadata"];

/** "a=b" pairs; `what` names the flag in the refusal. */
export function pairs(list: readonly string[], what: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of list) {
    const equals = entry.indexOf("=");
    if (equals <= 0) throw new CommandError(`invalid ${what} ${entry}, expected key=value`);
    found[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return found;
}

/** What kubectl makes itself it prints in the order of its types, not of the alphabet. */
async function typedOrder(): Promise<(object: unknown) => unknown> {
  const { findSchema } = await import("@coxswain/api");
  const sort = (value: unknown, schema: Schema | undefined): unknown => {
    if (Array.isArray(value))
      return value.map((item) => sort(item, schema?.type === "list" ? schema.items : undefined));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    if (schema?.type !== "struct") {
      const inner = schema?.type === "map" ? schema.values : undefined;
      return Object.fromEntries(
        entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, item]) => [key, sort(item, inner)]),
      );
    }
    const places = ["kind", "apiVersion", ...schema.fields.keys()];
    return Object.fromEntries(
      entries
        .sort(([left], [right]) => places.indexOf(left) - places.indexOf(right))
        .map(([key, item]) => [key, sort(item, schema.fields.get(key)?.schema)]),
    );
  };
  return (object) => {
    const { apiVersion, kind } = object as ApiObject;
    const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
    return sort(object, findSchema({ group, version, kind }));
  };
}
