// A pod template on a page: of workloads, and of a revision of one.
import { containers } from "./containers.ts";
import { annotations, labels, list, Page, part, str } from "./page.ts";
import { tolerationTexts } from "./tolerations.ts";
import { volumes } from "./volumes.ts";

export function podTemplate(page: Page, value: unknown): void {
  const template = part(value);
  page.line(0, "Pod Template:");
  labels(page, "  Labels", part(template["metadata"])["labels"]);
  const noted = part(part(template["metadata"])["annotations"]);
  if (Object.keys(noted).length > 0) annotations(page, noted, "  Annotations");
  const spec = part(template["spec"]);
  if (str(spec["serviceAccountName"]) !== "") page.line(1, `Service Account:\t${str(spec["serviceAccountName"])}`);
  if (list(spec["initContainers"]).length > 0)
    containers(page, "Init Containers", list(spec["initContainers"]), undefined, "  ");
  containers(page, "Containers", list(spec["containers"]), undefined, "  ");
  volumes(page, list(spec["volumes"]), "  ");
  if (str(spec["priorityClassName"]) !== "") page.line(1, `Priority Class Name:\t${str(spec["priorityClassName"])}`);
  labels(page, "  Node-Selectors", spec["nodeSelector"]);
  const tolerations = tolerationTexts(list(spec["tolerations"]));
  if (tolerations.length === 0) page.line(1, "Tolerations:\t<none>");
  tolerations.forEach((text, at) => page.line(0, `${at === 0 ? "  Tolerations:" : ""}\t${text}`));
}

/** The template alone, as `rollout history --revision` shows it. */
export function describeTemplate(template: unknown): string {
  const page = new Page(0);
  podTemplate(page, template);
  return page.text();
}
