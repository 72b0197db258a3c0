// The page of a pod.
import { containers } from "./containers.ts";
import { annotations, controlledBy, labels, list, longTime, part, str } from "./page.ts";
import type { Page } from "./page.ts";
import { tolerationTexts } from "./tolerations.ts";
import { volumes } from "./volumes.ts";
import type { Obj } from "../resource/api.ts";

export function pod(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  if (spec["priority"] !== undefined) page.line(0, `Priority:\t${str(spec["priority"])}`);
  if (str(spec["priorityClassName"]) !== "") page.line(0, `Priority Class Name:\t${str(spec["priorityClassName"])}`);
  if (str(spec["runtimeClassName"]) !== "") page.line(0, `Runtime Class Name:\t${str(spec["runtimeClassName"])}`);
  if (str(spec["serviceAccountName"]) !== "") page.line(0, `Service Account:\t${str(spec["serviceAccountName"])}`);
  page.line(
    0,
    `Node:\t${str(spec["nodeName"]) === "" ? "<none>" : `${str(spec["nodeName"])}/${str(status["hostIP"])}`}`,
  );
  if (str(status["startTime"]) !== "") page.line(0, `Start Time:\t${longTime(status["startTime"])}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  if (
    object.metadata.deletionTimestamp !== undefined &&
    status["phase"] !== "Failed" &&
    status["phase"] !== "Succeeded"
  ) {
    page.line(0, `Status:\tTerminating (lasts ${page.since(object.metadata.deletionTimestamp)})`);
    page.line(0, `Termination Grace Period:\t${object.metadata.deletionGracePeriodSeconds}s`);
  } else page.line(0, `Status:\t${str(status["phase"])}`);
  for (const [title, field] of [
    ["Reason", "reason"],
    ["Message", "message"],
  ] as const)
    if (str(status[field]) !== "") page.line(0, `${title}:\t${str(status[field])}`);
  const seccomp = part(part(spec["securityContext"])["seccompProfile"]);
  if (str(seccomp["type"]) !== "") {
    page.line(0, `SeccompProfile:\t${str(seccomp["type"])}`);
    if (seccomp["type"] === "Localhost") page.line(0, `LocalhostProfile:\t${str(seccomp["localhostProfile"])}`);
  }
  page.line(0, `IP:\t${str(status["podIP"])}`);
  const addresses = list(status["podIPs"]);
  page.line(0, addresses.length === 0 ? "IPs:\t<none>" : "IPs:");
  for (const address of addresses) page.line(1, `IP:\t${str(address["ip"])}`);
  const owner = controlledBy(object);
  if (owner !== undefined) page.line(0, `Controlled By:\t${owner}`);
  if (str(status["nominatedNodeName"]) !== "") page.line(0, `NominatedNodeName:\t${str(status["nominatedNodeName"])}`);
  if (list(spec["initContainers"]).length > 0)
    containers(
      page,
      "Init Containers",
      list(spec["initContainers"]),
      list(status["initContainerStatuses"]),
      "",
      object,
    );
  containers(page, "Containers", list(spec["containers"]), list(status["containerStatuses"]), "", object);
  if (list(spec["ephemeralContainers"]).length > 0)
    containers(
      page,
      "Ephemeral Containers",
      list(spec["ephemeralContainers"]),
      list(status["ephemeralContainerStatuses"]),
      "",
      object,
    );
  const gates = list(spec["readinessGates"]);
  const conditions = list(status["conditions"]);
  if (gates.length > 0) {
    page.raw("Readiness Gates:\n  Type\tStatus\n");
    for (const gate of gates)
      page.line(
        1,
        `${str(gate["conditionType"])} \t${str(conditions.find(({ type }) => type === gate["conditionType"])?.["status"]) || "<none>"} `,
      );
  }
  if (conditions.length > 0) {
    page.raw("Conditions:\n  Type\tStatus\n");
    for (const condition of conditions) page.line(1, `${str(condition["type"])} \t${str(condition["status"])} `);
  }
  volumes(page, list(spec["volumes"]), "");
  page.line(0, `QoS Class:\t${str(status["qosClass"])}`);
  labels(page, "Node-Selectors", spec["nodeSelector"]);
  const tolerations = tolerationTexts(list(spec["tolerations"]));
  if (tolerations.length === 0) page.line(0, "Tolerations:\t<none>");
  tolerations.forEach((text, at) => page.line(0, `${at === 0 ? "Tolerations:" : ""}\t${text}`));
  const spread = list(spec["topologySpreadConstraints"]).toSorted((left, right) =>
    str(left["topologyKey"]) < str(right["topologyKey"]) ? -1 : 1,
  );
  spread.forEach((each, at) =>
    page.line(
      0,
      `${at === 0 ? "Topology Spread Constraints:" : ""}\t${str(each["topologyKey"])}:${str(each["whenUnsatisfiable"])} when max skew ${str(each["maxSkew"])} is exceeded for selector ${Object.entries(
        part(part(each["labelSelector"])["matchLabels"]),
      )
        .map(([key, value]) => `${key}=${str(value)}`)
        .join(",")}`,
    ),
  );
}
