// The page of a horizontal pod autoscaler.
import type { Obj } from "../resource/api.ts";
import { head, list, longTime, num, part, str } from "./page.ts";
import type { Page, Part } from "./page.ts";

export function autoscaler(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  head(page, object);
  page.line(0, `CreationTimestamp:\t${longTime(object.metadata.creationTimestamp)}`);
  const target = part(spec["scaleTargetRef"]);
  page.line(0, `Reference:\t${str(target["kind"])}/${str(target["name"])}`);
  page.line(0, "Metrics:\t( current / target )");
  list(spec["metrics"]).forEach((metric, at) => page.line(1, metricLine(metric, list(status["currentMetrics"])[at])));
  page.line(0, `Min replicas:\t${str(spec["minReplicas"]) || "<unset>"}`);
  page.line(0, `Max replicas:\t${num(spec["maxReplicas"])}`);
  page.line(
    0,
    `${str(target["kind"])} pods:\t${num(status["currentReplicas"])} current / ${num(status["desiredReplicas"])} desired`,
  );
  const conditions = list(status["conditions"]);
  if (conditions.length === 0) return;
  page.line(0, "Conditions:\n  Type\tStatus\tReason\tMessage\n  ----\t------\t------\t-------");
  for (const condition of conditions)
    page.line(1, ["type", "status", "reason", "message"].map((field) => str(condition[field])).join("\t"));
}

function metricLine(metric: Part, current: Part | undefined): string {
  const type = str(metric["type"]);
  const field = `${type[0]?.toLowerCase() ?? ""}${type.slice(1)}`;
  const wanted = part(metric[field]);
  const goal = part(wanted["target"]);
  const now = part(part(current?.[field])["current"]);
  const name = str(wanted["name"]) || str(part(wanted["metric"])["name"]);
  if (goal["averageUtilization"] !== undefined) {
    const shown =
      now["averageUtilization"] === undefined
        ? "<unknown>"
        : `${num(now["averageUtilization"])}% (${str(now["averageValue"])})`;
    return `resource ${name} on pods  (as a percentage of request):\t${shown} / ${num(goal["averageUtilization"])}%`;
  }
  const shown = str(now["averageValue"]) || str(now["value"]) || "<unknown>";
  return `${type === "Resource" ? "resource " : ""}"${name}"${type === "Pods" ? " on pods" : ""}:\t${shown} / ${str(goal["averageValue"]) || str(goal["value"])}`;
}
