// Events: they vanish after an hour, and can be selected by what they tell about.
import type { Strategy } from "../../strategy.ts";
import { textOf } from "../../strategy.ts";

const names = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

export const eventStrategy: Strategy = {
  ttlSeconds: 3600,
  createsOnUpdate: true,
  fieldNames: [...names.map((name) => `involvedObject.${name}`), "reason", "reportingComponent", "source", "type"],
  fields: (event) => ({
    ...Object.fromEntries(names.map((name) => [`involvedObject.${name}`, textOf(event, "involvedObject", name)])),
    reason: textOf(event, "reason"),
    reportingComponent: textOf(event, "reportingComponent"),
    source: textOf(event, "source", "component") || textOf(event, "reportingComponent"),
    type: textOf(event, "type"),
  }),
};
