// `get -w`: what is there, then every change as a row or an object. The list and the watch meet at the list's resourceVersion.
import { StatusError } from "@coxswain/apimachinery";
import type { Status } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";
import { createLive } from "../print/live.ts";
import type { Printer } from "../print/printer.ts";
import { tableTabs } from "../print/tabs.ts";
import { tableLines } from "../print/table.ts";
import type { Table } from "../print/table.ts";
import { listObjects, pathOf } from "../resource/api.ts";
import { checkTargets, fromFiles, hasFiles, parseTargets, scopeOf } from "../resource/builder.ts";
import { eventsOf } from "../resource/events-of.ts";
import type { Descriptor } from "../resource/mapper.ts";
import type { Session } from "../session.ts";
import { readTables, tableOptions, tableType } from "./get.ts";

export interface Watched {
  readonly descriptor: Descriptor;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Ends when the server ends the watch, or the person. */
export async function watchTable(session: Session, args: Args, printer: Printer | undefined): Promise<void> {
  const watched = await findWatched(session, args);
  const fieldSelector = [
    args.text("field-selector"),
    ...(watched.name === undefined ? [] : [`metadata.name=${watched.name}`]),
  ]
    .filter((part) => part !== "")
    .join(",");
  const live = printer === undefined && !args.flag("output-watch-events") ? createLive(session) : undefined;
  if (live !== undefined) return (await import("./get-live.ts")).watchLive(session, args, watched, fieldSelector, live);
  const from = await beginning(session, args, watched, fieldSelector, printer);
  const stream = await session.client.stream({
    method: "GET",
    path: pathOf(watched.descriptor, watched.namespace),
    query: { watch: true, fieldSelector, labelSelector: args.text("selector"), resourceVersion: from.resourceVersion },
    accept: printer === undefined ? tableType : "application/json",
    signal: session.signal,
  });
  let columns = from.columns;
  for await (const event of eventsOf<Table | Status>(stream.body)) {
    if (event.type === "BOOKMARK") continue;
    if (event.type === "ERROR") throw new StatusError(event.object as Status);
    if (printer !== undefined) {
      const shown = args.flag("output-watch-events") ? { type: event.type, object: event.object } : event.object;
      session.out.write(await printer(shown));
      continue;
    }
    const table = event.object as Table;
    if ((table.columnDefinitions ?? []).length > 0) columns = table.columnDefinitions;
    write(
      session,
      args,
      watched.descriptor,
      { columnDefinitions: columns, rows: table.rows },
      event.type,
      from.printed,
    );
    from.printed = true;
  }
}

async function findWatched(session: Session, args: Args): Promise<Watched> {
  if (hasFiles(args)) {
    const [info, ...more] = await fromFiles(session, args);
    if (info === undefined || more.length > 0)
      throw new CommandError(
        "watch is only supported on individual resources and resource collections - more than 1 resource was found",
      );
    return { descriptor: info.descriptor, namespace: info.namespace, name: info.name };
  }
  const targets = await parseTargets(await session.mapper(), args.words);
  checkTargets(args, targets, { everything: true });
  const [target, ...more] = targets;
  if (target === undefined || more.length > 0 || target.names.length > 1)
    throw new CommandError(
      `watch is only supported on individual resources and resource collections - ${Math.max(targets.length, target?.names.length ?? 0)} resources were found`,
    );
  return { descriptor: target.descriptor, namespace: scopeOf(session, args, target.descriptor), name: target.names[0] };
}

interface Beginning {
  readonly resourceVersion: string | undefined;
  readonly columns: Table["columnDefinitions"];
  printed: boolean;
}

async function beginning(
  session: Session,
  args: Args,
  { descriptor, namespace, name }: Watched,
  fieldSelector: string,
  printer: Printer | undefined,
): Promise<Beginning> {
  const only = args.flag("watch-only");
  if (printer !== undefined) {
    const list = await listObjects(session, descriptor, namespace, {
      fieldSelector,
      labelSelector: args.text("selector"),
    });
    if (!only)
      for (const object of list.items)
        session.out.write(await printer(args.flag("output-watch-events") ? { type: "ADDED", object } : object));
    return { resourceVersion: list.metadata.resourceVersion, columns: [], printed: true };
  }
  const tables = await readTables(session, args, descriptor, namespace, name);
  const table: Table = {
    columnDefinitions: tables[0]?.columnDefinitions ?? [],
    rows: tables.flatMap((each) => each.rows),
  };
  if (!only) write(session, args, descriptor, table, "ADDED", false);
  return {
    resourceVersion: tables.at(-1)?.metadata?.resourceVersion,
    columns: table.columnDefinitions,
    printed: !only && table.rows.length > 0,
  };
}

/** Columns keep the widths of what was shown first, as far as they can. */
function write(
  session: Session,
  args: Args,
  descriptor: Descriptor,
  table: Table,
  type: string,
  printed: boolean,
): void {
  const options = tableOptions(args, descriptor, false);
  const lines = tableLines(table, {
    ...options,
    headers: options.headers && !printed,
    ...(args.flag("output-watch-events") ? { front: { header: "EVENT", cells: table.rows.map(() => type) } } : {}),
  });
  if (lines !== "") session.out.write(widthsOf(session).align(lines));
}

const remembered = new WeakMap<AbortSignal, { align: (lines: string) => string }>();

/** Widths of earlier rows, so that later ones stand below them. */
function widthsOf(session: Session): { align: (lines: string) => string } {
  let known = remembered.get(session.signal);
  if (known === undefined) {
    const widths: number[] = [];
    known = {
      align(lines) {
        const rows = lines
          .trimEnd()
          .split("\n")
          .map((line) => line.split("\t"));
        for (const row of rows)
          row
            .slice(0, -1)
            .forEach(
              (cell, at) => (widths[at] = Math.max(widths[at] ?? tableTabs.minWidth, cell.length + tableTabs.padding)),
            );
        return rows
          .map(
            (row) => `${row.map((cell, at) => (at < row.length - 1 ? cell.padEnd(widths[at] ?? 0) : cell)).join("")}\n`,
          )
          .join("");
      },
    };
    remembered.set(session.signal, known);
  }
  return known;
}
