// `get -w` for people: one table on the terminal, drawn again in its place with every change and as ages grow; what has just changed stands out, what
// is gone goes. Pipes get kubectl's stream of rows instead (get-watch.ts).
import { humanDuration, StatusError } from "@coxswain/apimachinery";
import type { Status } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { bold } from "../print/colour.ts";
import type { Live } from "../print/live.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { tableLines } from "../print/table.ts";
import type { Table } from "../print/table.ts";
import { pathOf } from "../resource/api.ts";
import { eventsOf } from "../resource/events-of.ts";
import type { Session } from "../session.ts";
import type { Watched } from "./get-watch.ts";
import { readTables, sorted, tableOptions, tableType } from "./get.ts";

type Row = Table["rows"][number];
const together = 50;
const tick = 1_000;
/** How long a change stands out. */
const fresh = 3_000;

/** Ends when the person ends it, or with the server's refusal. */
export async function watchLive(
  session: Session,
  args: Args,
  watched: Watched,
  fieldSelector: string,
  live: Live,
): Promise<void> {
  const rows = new Map<string, { readonly row: Row; readonly changedAt: number }>();
  let columns: Table["columnDefinitions"] = [];
  const draw = async (): Promise<void> => {
    const now = session.clock.monotonic();
    const table = await sorted(args, {
      columnDefinitions: columns,
      rows: [...rows.values()].map(({ row }) => aged(row, columns, session.clock.now())),
    });
    const options = tableOptions(args, watched.descriptor, false);
    const lines = alignTabs(tableLines(table, options), tableTabs).trimEnd().split("\n");
    const first = options.headers ? 1 : 0;
    const recent = new Set([...rows].filter(([, { changedAt }]) => now - changedAt < fresh).map(([key]) => key));
    const paint = bold(session);
    live.show(
      rows.size === 0
        ? [`No resources found${watched.namespace === undefined ? "" : ` in ${watched.namespace} namespace`}.`]
        : lines.map((line, at) => (at >= first && recent.has(keyOf(table.rows[at - first])) ? paint(line) : line)),
      first,
    );
  };
  const broken = new AbortController();
  const signal = AbortSignal.any([session.signal, broken.signal]);
  const painter = paintSoon(session, () => draw().catch((error: unknown) => broken.abort(error)));
  try {
    for (let begun = false; ; begun = true) {
      const { descriptor, namespace, name } = watched;
      const tables = await readTables(session, args, descriptor, namespace, name);
      columns = tables[0]?.columnDefinitions ?? columns;
      if (begun || !args.flag("watch-only")) {
        rows.clear();
        for (const row of tables.flatMap((each) => each.rows))
          rows.set(keyOf(row), { row, changedAt: Number.NEGATIVE_INFINITY });
      }
      painter.soon();
      const stream = await session.client.stream({
        method: "GET",
        path: pathOf(descriptor, namespace),
        query: {
          watch: true,
          fieldSelector,
          labelSelector: args.text("selector"),
          resourceVersion: tables.at(-1)?.metadata?.resourceVersion,
          includeObject: args.text("sort-by") === "" ? undefined : "Object",
        },
        accept: tableType,
        signal,
      });
      for await (const event of eventsOf<Table | Status>(stream.body)) {
        if (event.type === "BOOKMARK") continue;
        if (event.type === "ERROR") {
          const status = event.object as Status;
          if (status.code === 410) break; // too old: what there is now is listed again
          throw new StatusError(status);
        }
        const table = event.object as Table;
        if ((table.columnDefinitions ?? []).length > 0) columns = table.columnDefinitions;
        for (const row of table.rows) {
          if (event.type === "DELETED") rows.delete(keyOf(row));
          else rows.set(keyOf(row), { row, changedAt: session.clock.monotonic() });
        }
        painter.soon();
      }
    }
  } finally {
    painter.stop();
  }
}

const keyOf = (row: Row | undefined): string =>
  `${row?.object?.metadata?.namespace ?? ""}/${row?.object?.metadata?.name ?? JSON.stringify(row?.cells)}`;

/** The server's age was true when it sent the row. */
function aged(row: Row, columns: Table["columnDefinitions"], now: number): Row {
  const at = columns.findIndex(({ name }) => name === "Age");
  const created = row.object?.metadata?.creationTimestamp;
  if (at < 0 || created === undefined) return row;
  return { ...row, cells: row.cells.with(at, humanDuration(now - Date.parse(created))) };
}

/** Draws a moment after a change, so that many make one picture, and once a second. */
function paintSoon(
  { clock }: Session,
  draw: () => Promise<void>,
): { readonly soon: () => void; readonly stop: () => void } {
  let stopped = false;
  let timer = { cancel: (): void => undefined };
  const plan = (ms: number): void => {
    timer.cancel();
    if (!stopped) timer = clock.setTimeout(() => void draw().finally(() => plan(tick)), ms);
  };
  return {
    soon: () => plan(together),
    stop: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
