// The pages of deployments, replica sets, stateful sets, daemon sets, jobs and cron jobs.
import { humanDuration } from "@coxswain/apimachinery";
import type { Obj } from "../resource/api.ts";
import { annotations, controlledBy, head, labels, list, longTime, num, part, selectorText, str } from "./page.ts";
import type { Page } from "./page.ts";
import { podTemplate } from "./pod-template.ts";

/** Pods by phase, and what else a page needs from its neighbours. */
export interface Related {
  readonly pods?: {
    readonly running: number;
    readonly waiting: number;
    readonly succeeded: number;
    readonly failed: number;
  };
  readonly replicaSets?: { readonly old: string; readonly current: string };
}

const podCounts = ({ pods }: Related): string =>
  pods === undefined
    ? ""
    : `Pods Status:\t${pods.running} Running / ${pods.waiting} Waiting / ${pods.succeeded} Succeeded / ${pods.failed} Failed`;

export function deployment(page: Page, object: Obj, { replicaSets }: Related): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, `CreationTimestamp:\t${longTime(object.metadata.creationTimestamp)}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, `Selector:\t${selectorText(spec["selector"])}`);
  page.line(
    0,
    `Replicas:\t${num(spec["replicas"])} desired | ${num(status["updatedReplicas"])} updated | ${num(status["replicas"])} total | ${num(status["availableReplicas"])} available | ${num(status["unavailableReplicas"])} unavailable`,
  );
  const strategy = part(spec["strategy"]);
  page.line(0, `StrategyType:\t${str(strategy["type"])}`);
  page.line(0, `MinReadySeconds:\t${num(spec["minReadySeconds"])}`);
  if (strategy["rollingUpdate"] !== undefined) {
    const rolling = part(strategy["rollingUpdate"]);
    page.line(
      0,
      `RollingUpdateStrategy:\t${str(rolling["maxUnavailable"])} max unavailable, ${str(rolling["maxSurge"])} max surge`,
    );
  }
  podTemplate(page, spec["template"]);
  const conditions = list(status["conditions"]);
  if (conditions.length > 0) {
    page.raw("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
    for (const condition of conditions)
      page.line(1, `${str(condition["type"])} \t${str(condition["status"])}\t${str(condition["reason"])}`);
  }
  if (replicaSets !== undefined) {
    page.line(0, `OldReplicaSets:\t${replicaSets.old}`);
    page.line(0, `NewReplicaSet:\t${replicaSets.current}`);
  }
}

export function replicaSet(page: Page, object: Obj, related: Related): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(
    0,
    `Selector:\t${object.kind === "ReplicationController" ? selectorText({ matchLabels: spec["selector"] }) : selectorText(spec["selector"])}`,
  );
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  const owner = controlledBy(object);
  if (owner !== undefined) page.line(0, `Controlled By:\t${owner}`);
  page.line(0, `Replicas:\t${num(status["replicas"])} current / ${num(spec["replicas"])} desired`);
  page.line(0, podCounts(related));
  podTemplate(page, spec["template"]);
  conditionsOf(page, status["conditions"]);
}

function conditionsOf(page: Page, value: unknown): void {
  const conditions = list(value);
  if (conditions.length === 0) return;
  page.raw("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
  for (const condition of conditions)
    page.line(1, `${str(condition["type"])} \t${str(condition["status"])}\t${str(condition["reason"])}`);
}

export function statefulSet(page: Page, object: Obj, related: Related): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, `CreationTimestamp:\t${longTime(object.metadata.creationTimestamp)}`);
  page.line(0, `Selector:\t${selectorText(spec["selector"])}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, `Replicas:\t${num(spec["replicas"])} desired | ${num(status["replicas"])} total`);
  const strategy = part(spec["updateStrategy"]);
  page.line(0, `Update Strategy:\t${str(strategy["type"])}`);
  const rolling = part(strategy["rollingUpdate"]);
  if (strategy["rollingUpdate"] !== undefined) {
    if (rolling["partition"] !== undefined) page.line(1, `Partition:\t${num(rolling["partition"])}`);
    if (rolling["maxUnavailable"] !== undefined) page.line(1, `MaxUnavailable:\t${str(rolling["maxUnavailable"])}`);
  }
  page.line(0, podCounts(related));
  podTemplate(page, spec["template"]);
  const claims = list(spec["volumeClaimTemplates"]);
  if (claims.length === 0) return page.line(0, "Volume Claims:\t<none>");
  page.line(0, "Volume Claims:");
  for (const claim of claims) {
    const metadata = part(claim["metadata"]);
    const wanted = part(claim["spec"]);
    page.line(1, `Name:\t${str(metadata["name"])}`);
    page.line(1, `StorageClass:\t${str(wanted["storageClassName"])}`);
    for (const [title, values] of [
      ["Labels", metadata["labels"]],
      ["Annotations", metadata["annotations"]],
    ] as const) {
      const entries = Object.entries(part(values));
      if (entries.length === 0) page.line(1, `${title}:\t<none>`);
      entries.forEach(([key, value], at) => page.line(1, `${at === 0 ? `${title}:` : ""}\t${key}=${str(value)}`));
    }
    page.line(1, `Capacity:\t${str(part(part(wanted["resources"])["requests"])["storage"]) || "<default>"}`);
    page.line(1, `Access Modes:\t[${(wanted["accessModes"] as string[] | undefined)?.join(" ") ?? ""}]`);
  }
}

export function daemonSet(page: Page, object: Obj, related: Related): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Selector:\t${selectorText(spec["selector"])}`);
  page.line(
    0,
    `Node-Selector:\t${
      Object.entries(part(part(part(spec["template"])["spec"])["nodeSelector"]))
        .map(([key, value]) => `${key}=${str(value)}`)
        .join(",") || "<none>"
    }`,
  );
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  for (const [title, field] of [
    ["Desired Number of Nodes Scheduled", "desiredNumberScheduled"],
    ["Current Number of Nodes Scheduled", "currentNumberScheduled"],
    ["Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"],
    ["Number of Nodes Scheduled with Available Pods", "numberAvailable"],
    ["Number of Nodes Misscheduled", "numberMisscheduled"],
  ] as const)
    page.line(0, `${title}: ${num(status[field])}`);
  page.line(0, podCounts(related));
  podTemplate(page, spec["template"]);
}

export function job(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, `Selector:\t${selectorText(spec["selector"])}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  const owner = controlledBy(object);
  if (owner !== undefined) page.line(0, `Controlled By:\t${owner}`);
  page.line(0, `Parallelism:\t${spec["parallelism"] === undefined ? "<unset>" : num(spec["parallelism"])}`);
  page.line(0, `Completions:\t${spec["completions"] === undefined ? "<unset>" : num(spec["completions"])}`);
  if (spec["completionMode"] !== undefined) page.line(0, `Completion Mode:\t${str(spec["completionMode"])}`);
  if (spec["suspend"] !== undefined) page.line(0, `Suspend:\t${spec["suspend"] === true}`);
  if (spec["backoffLimit"] !== undefined) page.line(0, `Backoff Limit:\t${num(spec["backoffLimit"])}`);
  if (spec["ttlSecondsAfterFinished"] !== undefined)
    page.line(0, `TTL Seconds After Finished:\t${num(spec["ttlSecondsAfterFinished"])}`);
  if (status["startTime"] !== undefined) page.line(0, `Start Time:\t${longTime(status["startTime"])}`);
  if (status["completionTime"] !== undefined) page.line(0, `Completed At:\t${longTime(status["completionTime"])}`);
  if (status["startTime"] !== undefined && status["completionTime"] !== undefined)
    page.line(
      0,
      `Duration:\t${humanDuration(Date.parse(str(status["completionTime"])) - Date.parse(str(status["startTime"])))}`,
    );
  if (spec["activeDeadlineSeconds"] !== undefined)
    page.line(0, `Active Deadline Seconds:\t${num(spec["activeDeadlineSeconds"])}s`);
  const ready =
    status["ready"] === undefined
      ? `${num(status["active"])} Active`
      : `${num(status["active"])} Active (${num(status["ready"])} Ready)`;
  page.line(0, `Pods Statuses:\t${ready} / ${num(status["succeeded"])} Succeeded / ${num(status["failed"])} Failed`);
  if (spec["completionMode"] === "Indexed")
    page.line(0, `Completed Indexes:\t${str(status["completedIndexes"]) || "<none>"}`);
  podTemplate(page, spec["template"]);
}

export function cronJob(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  head(page, object);
  page.line(0, `Schedule:\t${str(spec["schedule"])}`);
  page.line(0, `Concurrency Policy:\t${str(spec["concurrencyPolicy"])}`);
  page.line(0, `Suspend:\t${spec["suspend"] === undefined ? "<unset>" : spec["suspend"] === true ? "True" : "False"}`);
  page.line(0, `Successful Job History Limit:\t${str(spec["successfulJobsHistoryLimit"]) || "<unset>"}`);
  page.line(0, `Failed Job History Limit:\t${str(spec["failedJobsHistoryLimit"]) || "<unset>"}`);
  page.line(
    0,
    `Starting Deadline Seconds:\t${spec["startingDeadlineSeconds"] === undefined ? "<unset>" : `${num(spec["startingDeadlineSeconds"])}s`}`,
  );
  const template = part(part(spec["jobTemplate"])["spec"]);
  page.line(0, `Selector:\t${template["selector"] === undefined ? "<unset>" : selectorText(template["selector"])}`);
  page.line(0, `Parallelism:\t${str(template["parallelism"]) || "<unset>"}`);
  page.line(0, `Completions:\t${str(template["completions"]) || "<unset>"}`);
  podTemplate(page, template["template"]);
  page.line(
    0,
    `Last Schedule Time:\t${status["lastScheduleTime"] === undefined ? "<unset>" : longTime(status["lastScheduleTime"])}`,
  );
  const active = list(status["active"]);
  page.line(0, `Active Jobs:\t${active.length === 0 ? "<none>" : active.map((each) => str(each["name"])).join(", ")}`);
}
