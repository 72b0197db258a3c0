// Why a pod is as it is: it ends and cannot, it has no node, or one of its containers waits, crashes or is not ready.
import { list, num, part, str, texts } from "../describe/page.ts";
import type { Part } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Answer, Cause } from "./answer.ts";
import { eventTime } from "./facts.ts";
import type { Facts } from "./facts.ts";
import { whyPending } from "./pending.ts";

type Found = Omit<Answer, "object" | "namespace">;

export async function whyPod(facts: Facts, pod: Obj): Promise<Found> {
  const spec = part(pod["spec"]);
  const status = part(pod["status"]);
  const { metadata } = pod;
  const node = str(spec["nodeName"]);
  const where = `cox logs ${metadata.name} -n ${metadata.namespace}`;
  if (metadata.deletionTimestamp !== undefined) return ending(facts, pod, node);
  if (node === "" && !["Succeeded", "Failed"].includes(str(status["phase"])))
    return { state: "waits for a node", trouble: true, ...(await whyPending(facts, pod)) };
  const gone = node === "" ? undefined : await silentNode(facts, node);
  if (gone !== undefined)
    return {
      state: `is on node ${node}, which is not heard of`,
      trouble: true,
      because: [gone],
      fixes: [`cox why node/${node}`],
    };
  const containers = await Promise.all(
    [...list(status["initContainerStatuses"]), ...list(status["containerStatuses"])].map((each) =>
      whyContainer(facts, pod, each),
    ),
  );
  const causes = containers.filter((each) => each !== undefined);
  if (str(status["phase"]) === "Succeeded")
    return { state: "has done its work", trouble: false, because: [], fixes: [] };
  if (str(status["phase"]) === "Failed")
    return {
      state: `has failed${str(status["reason"]) === "" ? "" : `: ${str(status["reason"])}`}`,
      trouble: true,
      because:
        str(status["message"]) === ""
          ? causes
          : [{ object: `node/${node}`, says: str(status["message"]), source: "status" }, ...causes],
      fixes: causes.length === 0 ? [] : [where],
    };
  const state = stateOf(causes, status);
  if (causes.length > 0) return { state, trouble: true, because: causes, fixes: fixesFor(pod, causes) };
  const blocked = list(status["conditions"]).filter(
    (each) => each["status"] !== "True" && each["type"] !== "PodReadyToStartContainers",
  );
  const starting = await latestTrouble(facts, pod);
  const because = [
    ...blocked.map((each) => conditionCause(each)),
    ...(blocked.length > 0 && starting !== undefined ? [starting] : []),
  ];
  return because.length === 0
    ? { state: "runs and is ready", trouble: false, because: [], fixes: [] }
    : { state, trouble: true, because, fixes: [] };
}

const conditionCause = (condition: Part): Cause => ({
  object: "pod",
  says: str(condition["message"]) || `${str(condition["type"])} is ${str(condition["status"])}`,
  source: `condition ${str(condition["type"])}${str(condition["reason"]) === "" ? "" : `, ${str(condition["reason"])}`}`,
  since: str(condition["lastTransitionTime"]) || undefined,
});

function stateOf(causes: readonly Cause[], status: Part): string {
  if (causes.some(({ source }) => source.includes("CrashLoopBackOff"))) return "crashes again and again";
  return str(status["phase"]) === "Running" ? "runs and is not ready" : "has not started";
}

function fixesFor(pod: Obj, causes: readonly Cause[]): readonly string[] {
  const { name, namespace } = pod.metadata;
  if (causes.some(({ source }) => source.includes("CrashLoopBackOff")))
    return [`mend what the log says; then do not wait: cox retry ${name} -n ${namespace}`];
  if (causes.some(({ source }) => /ImagePull|InvalidImageName/.test(source)))
    return [`mend the image's name or the access to its registry; then do not wait: cox retry ${name} -n ${namespace}`];
  return [];
}

/** Undefined for a container that does what it should. */
async function whyContainer(facts: Facts, pod: Obj, status: Part): Promise<Cause | undefined> {
  const name = str(status["name"]);
  const object = `container/${name}`;
  const state = part(status["state"]);
  const waiting = part(state["waiting"]);
  const ended = part(state["terminated"]);
  const last = part(part(status["lastState"])["terminated"]);
  if (state["waiting"] !== undefined) {
    const reason = str(waiting["reason"]);
    if (reason === "PodInitializing") return undefined;
    const trouble = reason === "ContainerCreating" ? await latestTrouble(facts, pod) : undefined;
    return {
      object,
      says: str(waiting["message"]) || `waits: ${reason}`,
      source: `status, ${reason}`,
      because: [
        ...(trouble === undefined ? [] : [trouble]),
        ...(Object.keys(last).length === 0 ? [] : [await exit(facts, pod, name, last, status, true)]),
      ],
    };
  }
  if (state["terminated"] !== undefined)
    return num(ended["exitCode"]) === 0 ? undefined : exit(facts, pod, name, ended, status, false);
  if (status["ready"] === true || isInit(pod, name)) return undefined;
  const probe = (await facts.events(pod)).find(
    (event) => event["reason"] === "Unhealthy" && str(part(event["involvedObject"])["fieldPath"]).endsWith(`{${name}}`),
  );
  return {
    object,
    says: "runs, and is not ready",
    source: "status",
    since: str(part(state["running"])["startedAt"]) || undefined,
    because: probe === undefined ? [] : [eventCause(probe)],
  };
}

const isInit = (pod: Obj, name: string): boolean =>
  list(part(pod["spec"])["initContainers"]).some((each) => each["name"] === name);

async function exit(
  facts: Facts,
  pod: Obj,
  name: string,
  ended: Part,
  status: Part,
  previous: boolean,
): Promise<Cause> {
  const signal = num(ended["signal"]);
  const reason = str(ended["reason"]);
  const restarts = num(status["restartCount"]);
  return {
    object: `container/${name}`,
    says: `ended with exit code ${num(ended["exitCode"])}${signal > 0 ? ` by signal ${signal}` : ""}${reason === "" || reason === "Error" ? "" : `, ${reason}`}${str(ended["message"]) === "" ? "" : `: ${str(ended["message"]).trim()}`}; ${restarts === 1 ? "1 restart" : `${restarts} restarts`} so far`,
    source: previous ? "last state" : "status",
    since: str(ended["finishedAt"]) || undefined,
    lines: await facts.logEnd(pod, name, false),
  };
}

async function latestTrouble(facts: Facts, pod: Obj): Promise<Cause | undefined> {
  const event = (await facts.events(pod)).find((each) => each["type"] === "Warning");
  return event && eventCause(event);
}

export const eventCause = (event: Obj): Cause => ({
  object: str(part(event["source"])["component"]) || str(event["reportingComponent"]) || "events",
  says: str(event["message"]).trim(),
  source: `event ${str(event["reason"])}`,
  since: eventTime(event),
});

/** Undefined for a node that answers. */
export async function silentNode(facts: Facts, name: string): Promise<Cause | undefined> {
  const node = await facts.get("nodes", undefined, name);
  if (node === undefined) return { object: `node/${name}`, says: "does not exist any more", source: "API" };
  const ready = list(part(node["status"])["conditions"]).find((each) => each["type"] === "Ready");
  if (ready?.["status"] !== "Unknown") return undefined;
  return {
    object: `node/${name}`,
    says: str(ready["message"]),
    source: `condition Ready, ${str(ready["reason"])}`,
    since: str(ready["lastTransitionTime"]),
  };
}

async function ending(facts: Facts, pod: Obj, node: string): Promise<Found> {
  const { metadata } = pod;
  const since = metadata.deletionTimestamp;
  const finalizers = texts(metadata.finalizers);
  const silent = node === "" ? undefined : await silentNode(facts, node);
  const running = list(part(pod["status"])["containerStatuses"]).filter(
    (each) => part(each["state"])["running"] !== undefined,
  );
  const because: Cause[] = [
    ...(silent === undefined ? [] : [silent]),
    ...(running.length > 0 && silent === undefined
      ? [
          {
            object: `node/${node}`,
            says: `stops ${running.map((each) => str(each["name"])).join(", ")}; at most ${metadata.deletionGracePeriodSeconds ?? 0} s are given`,
            source: "deletion",
            since,
          },
        ]
      : []),
    ...finalizers.map((each) => ({
      object: "pod",
      says: `waits for whoever serves the finalizer ${each}`,
      source: "metadata.finalizers",
      since,
    })),
  ];
  const force = `cox delete pod ${metadata.name} -n ${metadata.namespace} --force --grace-period=0`;
  return {
    state: "is being deleted",
    trouble: true,
    because,
    fixes: silent === undefined ? [] : [`bring the node back, or, when it is surely gone: ${force}`],
  };
}
