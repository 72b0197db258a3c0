/** Validation of events: the core group is lenient, events.k8s.io is strict; both speak of fields by the core group's names. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import type { Event as NewEvent } from "../../../events/v1/types.ts";
import { unchanged } from "../../../validation/metadata.ts";
import { wrong } from "../../../validation/values.ts";
import type { Event } from "../types.ts";

const { invalid, required } = fieldErrors;
const shortText = 128;
const mismatch = "does not match event.namespace";

/** The core group's event; one with an eventTime is of the new sort. */
export function validateEvent(event: DeepReadonly<Event>): FieldError[] {
  const namespace = event.metadata.namespace ?? "";
  const about = event.involvedObject.namespace ?? "";
  const errors: FieldError[] = [];
  const path = "involvedObject.namespace";
  if (!event.eventTime) {
    const matches = about === "" ? ["", "default"].includes(namespace) : about === namespace;
    if (!matches) errors.push(invalid(path, about, mismatch));
  } else {
    if (about === "" && !["default", "kube-system"].includes(namespace)) errors.push(invalid(path, about, mismatch));
    errors.push(...validateNewFields(event));
  }
  return [...errors, ...wrong("namespace", namespace, dnsSubdomainErrors(namespace))];
}

function validateNewFields(event: DeepReadonly<Event>): FieldError[] {
  const errors: FieldError[] = [];
  const { reportingComponent: controller = "", message = "" } = event;
  if (controller === "") errors.push(required("reportingController"));
  errors.push(...wrong("reportingController", controller, qualifiedNameErrors(controller)));
  for (const name of ["reportingInstance", "action", "reason"] as const) {
    const text = event[name] ?? "";
    if (text === "") errors.push(required(name));
    if (Buffer.byteLength(text) > shortText) errors.push(invalid(name, "", `can have at most ${shortText} characters`));
  }
  if (Buffer.byteLength(message) > 1024) errors.push(invalid("message", "", "can have at most 1024 characters"));
  return errors;
}

/** The event of events.k8s.io. */
export function validateNewEvent(event: DeepReadonly<NewEvent>): FieldError[] {
  const errors = [...validateEvent(asCore(event)), ...validateSeries(event)];
  const type = event.type ?? "";
  if (!event.eventTime) errors.push(required("eventTime"));
  if (type !== "Normal" && type !== "Warning") errors.push(invalid("type", "", `has invalid value: ${type}`));
  if (event.deprecatedFirstTimestamp) errors.push(invalid("firstTimestamp", "", "needs to be unset"));
  if (event.deprecatedLastTimestamp) errors.push(invalid("lastTimestamp", "", "needs to be unset"));
  if (event.deprecatedCount) errors.push(invalid("count", "", "needs to be unset"));
  if (event.deprecatedSource?.component || event.deprecatedSource?.host)
    errors.push(invalid("source", "", "needs to be unset"));
  return errors;
}

export function validateNewEventUpdate(next: DeepReadonly<NewEvent>, old: DeepReadonly<NewEvent>): FieldError[] {
  const errors = validateEvent(asCore(next));
  if (!jsonEqual(next.series ?? null, old.series ?? null)) errors.push(...validateSeries(next));
  const fixed = [
    ["regarding", "involvedObject"],
    ["reason", "reason"],
    ["note", "message"],
    ["deprecatedSource", "source"],
    ["deprecatedFirstTimestamp", "firstTimestamp"],
    ["deprecatedLastTimestamp", "lastTimestamp"],
    ["deprecatedCount", "count"],
    ["type", "type"],
    ["eventTime", "eventTime"],
    ["action", "action"],
    ["related", "related"],
    ["reportingController", "reportingController"],
    ["reportingInstance", "reportingInstance"],
  ] as const;
  return [...errors, ...fixed.flatMap(([own, name]) => unchanged(next[own], old[own], name))];
}

function validateSeries({ series }: DeepReadonly<NewEvent>): FieldError[] {
  if (series === undefined) return [];
  return [
    ...(series.count < 2 ? [invalid("series.count", "", "should be at least 2")] : []),
    ...(series.lastObservedTime ? [] : [required("series.lastObservedTime")]),
  ];
}

function asCore(event: DeepReadonly<NewEvent>): DeepReadonly<Event> {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: event.metadata,
    involvedObject: event.regarding ?? {},
    reason: event.reason,
    message: event.note,
    action: event.action,
    eventTime: event.eventTime,
    reportingComponent: event.reportingController ?? "",
    reportingInstance: event.reportingInstance ?? "",
  };
}
