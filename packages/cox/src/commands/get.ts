// `cox get`: the server's own tables, or the objects in any format; once, or as they change.
import { StatusError, humanDuration } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import {
  allNamespacesFlag,
  bool,
  fieldSelectorFlag,
  filenameFlags,
  number,
  outputFlags,
  selectorFlag,
  slice,
  text,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import type { Printer } from "../print/printer.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { tableLines } from "../print/table.ts";
import type { Table, TableObject } from "../print/table.ts";
import { call, pathOf } from "../resource/api.ts";
import {
  checkTargets,
  collectWithErrors,
  fromFiles,
  hasFiles,
  parseTargets,
  scopeOf,
  selectorError,
} from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { kindName } from "../resource/mapper.ts";
import type { Descriptor } from "../resource/mapper.ts";
import type { Session } from "../session.ts";

export const tableType =
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

export const get: Command = {
  usage:
    "get [(-o|--output=)…] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
  summary: "Display one or many resources",
  description: "Display one or many resources: a table of the most important facts, or the objects whole.",
  examples: `
# List all pods in ps output format
cox get pods

# List a single deployment with more columns
cox get deployment web -o wide

# The image of every container, one a line
cox get pods -o jsonpath='{range .items[*]}{.spec.containers[*].image}{"\\n"}{end}'

# Follow what happens to pods with a label
cox get pods -l app=web --watch`,
  flags: {
    ...filenameFlags,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allNamespacesFlag,
    ...outputFlags,
    output: text(
      "Output format. One of: (json, yaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file, wide).",
      { short: "o" },
    ),
    watch: bool("After listing/getting the requested object, watch for changes.", { short: "w" }),
    "watch-only": bool("Watch for changes to the requested object(s), without listing/getting first."),
    "output-watch-events": bool("Output watch event objects when --watch or --watch-only is used."),
    "ignore-not-found": bool("If the requested object does not exist the command will return exit code 0."),
    "no-headers": bool("When using the default or custom-column output format, don't print headers."),
    "show-labels": bool("When printing, show all labels as the last column."),
    "show-kind": bool("If present, list the resource type for the requested object(s)."),
    "label-columns": slice("Accepts a comma separated list of labels that are going to be presented as columns.", {
      short: "L",
    }),
    "sort-by": text("If non-empty, sort list types using this field specification."),
    subresource: text("If specified, gets the subresource of the requested object."),
    "chunk-size": number("Return large lists in chunks rather than all at once. Pass 0 to disable.", {
      default: "500",
    }),
    "server-print": bool("If true, have the server return the appropriate table output.", {
      default: "true",
    }),
    raw: text("Raw URI to request from the server."),
  },
  run: async (session, args) => {
    if (args.text("raw") !== "") return raw(session, args);
    if (args.words.length === 0 && !hasFiles(args)) {
      session.err.write(
        'You must specify the type of resource to get. Use "cox api-resources" for a complete list of supported resources.\n\n',
      );
      throw new UsageError(
        'Required resource not specified.\nUse "cox explain <resource>" for a detailed description of that resource (e.g. cox explain pods).',
      );
    }
    const watching = args.flag("watch") || args.flag("watch-only");
    if (args.flag("output-watch-events") && !watching)
      throw new UsageError("--output-watch-events option can only be used with --watch or --watch-only");
    const printer = await createPrinter(args, { tables: true });
    if (args.flag("show-labels") && printer !== undefined)
      throw new CommandError(`--show-labels option cannot be used with ${args.text("output").split("=")[0]} printer`);
    if (watching) return (await import("./get-watch.ts")).watchTable(session, args, printer);
    return printer === undefined ? printTables(session, args) : printObjects(session, args, printer);
  },
};

async function raw(session: Session, args: Args): Promise<void> {
  const url = new URL(args.text("raw"), "http://host");
  const answer = await session.client.request({
    method: "GET",
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    accept: "application/json, */*",
    signal: session.signal,
  });
  if (answer.status >= 400)
    await call(session, { method: "GET", path: url.pathname, query: Object.fromEntries(url.searchParams) });
  session.out.write(answer.body);
}

async function printObjects(session: Session, args: Args, printer: Printer): Promise<void> {
  const { infos, errors, single } = await collectWithErrors(session, args, {
    everything: true,
    latest: true,
    ignoreNotFound: args.flag("ignore-not-found"),
  });
  let objects: unknown[] = infos.map((info) => info.object);
  if (args.text("subresource") !== "")
    objects = await Promise.all(infos.map((info) => subresource(session, args, info)));
  const sortKey = args.text("sort-by");
  if (sortKey !== "") {
    const { sortBy } = await import("../print/sort.ts");
    objects = sortBy(objects, sortKey, (object) => object);
  }
  if (single && objects.length === 0) return throwAll(errors);
  const whole =
    single && objects.length === 1
      ? objects[0]
      : { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items: objects };
  if (errors.length === 0 || objects.length > 0) {
    const named = args.text("output") === "name" ? nameLines(infos, objects) : undefined;
    session.out.write(named ?? (await printer(whole)));
  }
  throwAll(errors);
}

/** In the order of the objects, which may have been sorted. */
function nameLines(infos: readonly Info[], objects: readonly unknown[]): string {
  const kinds = new Map<unknown, Info>(infos.map((info) => [info.object, info]));
  return objects
    .map((object) => kinds.get(object))
    .filter((info) => info !== undefined)
    .map(
      (info) => `${kindName(info.descriptor)}/${info.name}
`,
    )
    .join("");
}

function subresource(session: Session, args: Args, info: Info): Promise<unknown> {
  return call(session, {
    method: "GET",
    path: pathOf(info.descriptor, info.namespace, info.name, args.text("subresource")),
  });
}

interface Part {
  readonly descriptor: Descriptor;
  readonly tables: readonly Table[];
}

async function printTables(session: Session, args: Args): Promise<void> {
  const errors: unknown[] = [];
  const parts: Part[] = [];
  const add = async (descriptor: Descriptor, namespace: string | undefined, name?: string): Promise<void> => {
    try {
      const tables = await readTables(session, args, descriptor, namespace, name);
      const last = parts.at(-1);
      if (last?.descriptor === descriptor)
        parts[parts.length - 1] = { descriptor, tables: [...last.tables, ...tables] };
      else parts.push({ descriptor, tables });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (!args.flag("ignore-not-found") || error.status.code !== 404)
        errors.push(name === undefined ? selectorError(error, args, descriptor) : error);
    }
  };
  if (hasFiles(args)) {
    for (const info of await fromFiles(session, args)) await add(info.descriptor, info.namespace, info.name);
  } else {
    const targets = await parseTargets(await session.mapper(), args.words);
    checkTargets(args, targets, { everything: true });
    for (const { descriptor, names } of targets) {
      const namespace = scopeOf(session, args, descriptor);
      if (names.length === 0) await add(descriptor, namespace);
      for (const name of names) await add(descriptor, namespace, name);
    }
  }
  const filled = parts.filter(({ tables }) => tables.some((table) => table.rows.length > 0));
  const kinds = new Set(parts.filter(({ tables }) => tables.length > 0).map(({ descriptor }) => kindName(descriptor)));
  const texts: string[] = [];
  for (const { descriptor, tables } of filled) texts.push(await tableText(args, descriptor, tables, kinds.size > 1));
  session.out.write(texts.join(args.flag("no-headers") ? "" : "\n"));
  if (filled.length === 0 && errors.length === 0 && !args.flag("ignore-not-found")) {
    const everywhere = args.flag("all-namespaces") || parts.some(({ descriptor }) => !descriptor.namespaced);
    session.err.write(everywhere ? "No resources found\n" : `No resources found in ${session.namespace} namespace.\n`);
    if (!everywhere && session.err.isTerminal) {
      const { guessAfterNothing } = await import("../guess.ts");
      session.err.write(await guessAfterNothing(session));
    }
  }
  throwAll(errors);
}

async function tableText(
  args: Args,
  descriptor: Descriptor,
  tables: readonly Table[],
  manyKinds: boolean,
): Promise<string> {
  const table = await sorted(args, merge(tables));
  return alignTabs(tableLines(table, tableOptions(args, descriptor, manyKinds)), tableTabs);
}

export function tableOptions(args: Args, descriptor: Descriptor, manyKinds: boolean): Parameters<typeof tableLines>[1] {
  return {
    wide: args.text("output") === "wide",
    headers: !args.flag("no-headers"),
    namespaces: args.flag("all-namespaces") && descriptor.namespaced,
    kind: manyKinds || args.flag("show-kind") ? kindName(descriptor) : undefined,
    showLabels: args.flag("show-labels"),
    labelColumns: args.list("label-columns"),
  };
}

function merge(tables: readonly Table[]): Table {
  return { columnDefinitions: tables[0]?.columnDefinitions ?? [], rows: tables.flatMap((table) => table.rows) };
}

export async function sorted(args: Args, table: Table): Promise<Table> {
  const key = args.text("sort-by");
  if (key === "") return table;
  const { sortBy } = await import("../print/sort.ts");
  return { ...table, rows: sortBy(table.rows, key, (row) => row.object) };
}

/** One table for each page of a list. */
export async function readTables(
  session: Session,
  args: Args,
  descriptor: Descriptor,
  namespace: string | undefined,
  name?: string,
): Promise<(Table & { readonly metadata?: { readonly resourceVersion?: string } })[]> {
  const tables: (Table & { metadata?: { continue?: string; resourceVersion?: string } })[] = [];
  let next: string | undefined;
  do {
    const table: Table & { metadata?: { continue?: string } } = await call(session, {
      method: "GET",
      path: pathOf(descriptor, namespace, name, args.text("subresource") || undefined),
      query:
        name === undefined
          ? {
              labelSelector: args.text("selector"),
              fieldSelector: args.text("field-selector"),
              limit: args.number("chunk-size") || undefined,
              continue: next,
              includeObject: args.text("sort-by") === "" ? undefined : "Object",
            }
          : { includeObject: args.text("sort-by") === "" ? undefined : "Object" },
      accept: args.flag("server-print") ? tableType : "application/json",
    });
    tables.push(asTable(table, session.clock.now()));
    next = table.metadata?.continue;
  } while (next !== undefined && next !== "");
  return tables;
}

/** Objects instead of tables (of an aggregated server, or by --server-print=false): name and age are what can be shown of any. */
function asTable(answer: Table | { readonly items?: readonly unknown[] }, now: number): Table {
  if ("columnDefinitions" in answer) return { ...answer, rows: answer.rows ?? [] };
  const items = (answer as { items?: readonly ApiObject[] }).items ?? [answer as ApiObject];
  return {
    columnDefinitions: [
      { name: "Name", type: "string", format: "name" },
      { name: "Age", type: "string" },
    ],
    rows: items.map((item) => {
      const { name, creationTimestamp: born } = item.metadata;
      const age = typeof born === "string" ? humanDuration(now - Date.parse(born)) : "<unknown>";
      return { cells: [name, age], object: item as TableObject };
    }),
  };
}
