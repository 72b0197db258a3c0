/** `kubectl get events`: when last seen first, the name last. The same for both groups that serve events. */
import { age, type DeepReadonly } from "@coxswain/apimachinery";
import { bare, type TablePrinter } from "../../../table.ts";
import type { Event as NewEvent } from "../../../events/v1/types.ts";
import type { Event } from "../types.ts";

export const eventTable: TablePrinter<Event> = bare(
  ["Last Seen", "Type", "Reason", "Object", "Subobject+", "Source+", "Message", "First Seen+", "Count+", "Name@+"],
  (event, now) => {
    const first = since(event.firstTimestamp, now) ?? since(event.eventTime, now) ?? "<unknown>";
    const last = since(event.series?.lastObservedTime, now) ?? since(event.lastTimestamp, now) ?? first;
    const { involvedObject: object } = event;
    return [
      last,
      event.type ?? "",
      event.reason ?? "",
      object.name ? `${(object.kind ?? "").toLowerCase()}/${object.name}` : (object.kind ?? "").toLowerCase(),
      object.fieldPath ?? "",
      source(event),
      (event.message ?? "").trim(),
      first,
      event.series?.count ?? (event.count || 1),
      event.metadata.name,
    ];
  },
);

function since(time: string | null | undefined, now: number): string | undefined {
  return time === undefined || time === null || time === "" ? undefined : age(time, now);
}

function source(event: DeepReadonly<Event>): string {
  const component = event.source?.component || event.reportingComponent || "";
  const host = event.source?.host || event.reportingInstance || "";
  return host === "" ? component : `${component}, ${host}`;
}

/** The same for events.k8s.io, whose events are the core group's under other names. */
export const newEventTable: TablePrinter<NewEvent> = {
  columns: eventTable.columns,
  cells: (event, now) =>
    eventTable.cells(
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: event.metadata,
        involvedObject: event.regarding ?? {},
        reason: event.reason,
        message: event.note,
        type: event.type,
        eventTime: event.eventTime,
        series: event.series,
        reportingComponent: event.reportingController ?? "",
        reportingInstance: event.reportingInstance ?? "",
        source: event.deprecatedSource,
        firstTimestamp: event.deprecatedFirstTimestamp,
        lastTimestamp: event.deprecatedLastTimestamp,
        count: event.deprecatedCount,
      },
      now,
    ),
};
