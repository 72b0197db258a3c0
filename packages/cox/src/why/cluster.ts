// Why a namespace does not go, what a node said last, why a claim has no volume, and for every other kind what its conditions, finalizers
// and events tell.
import { humanDuration } from "@coxswain/apimachinery";
import { list, part, str, texts } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Answer, Cause } from "./answer.ts";
import type { Facts } from "./facts.ts";
import { eventCause } from "./pod.ts";

type Found = Omit<Answer, "object" | "namespace">;

export async function whyNamespace(facts: Facts, namespace: Obj): Promise<Found> {
  const { name, deletionTimestamp } = namespace.metadata;
  if (deletionTimestamp === undefined) return { state: "is in use", trouble: false, because: [], fixes: [] };
  const because = list(part(namespace["status"])["conditions"])
    .filter((each) => each["status"] === "True")
    .map((each): Cause => ({
      object: "namespace controller",
      says: str(each["message"]),
      source: `condition ${str(each["type"])}, ${str(each["reason"])}`,
      since: str(each["lastTransitionTime"]) || undefined,
    }));
  const finalizers = texts(part(namespace["spec"])["finalizers"]);
  const pods = await facts.list("pods", name);
  const kept = pods.map((pod): Cause => ({
    object: `pod/${pod.metadata.name}`,
    says:
      texts(pod.metadata.finalizers).length > 0
        ? `has finalizers: ${texts(pod.metadata.finalizers).join(", ")}`
        : "is still there",
    source: "API",
  }));
  const first = because.length > 0 ? because : finalizersOf("namespace", finalizers, deletionTimestamp);
  return {
    state: "is being deleted",
    trouble: true,
    because: [...first, ...kept],
    fixes: pods.length > 0 ? [`cox why pod/${pods[0]?.metadata.name} -n ${name}`] : [],
  };
}

const finalizersOf = (object: string, finalizers: readonly string[], since: string | undefined): Cause[] =>
  finalizers.map((each) => ({
    object,
    says: `waits for whoever serves the finalizer ${each}`,
    source: "finalizers",
    since,
  }));

export async function whyNode(facts: Facts, node: Obj): Promise<Found> {
  const { name } = node.metadata;
  const conditions = list(part(node["status"])["conditions"]);
  const ready = conditions.find((each) => each["type"] === "Ready");
  const because: Cause[] = [];
  if (ready?.["status"] !== "True")
    because.push({
      object: "agent",
      says: ready === undefined ? "has never said that the node is ready" : str(ready["message"]),
      source: ready === undefined ? "no condition Ready" : `condition Ready, ${str(ready["reason"])}`,
      since: str(ready?.["lastTransitionTime"]) || undefined,
      because: await lastWord(facts, node),
    });
  for (const each of conditions)
    if (each["type"] !== "Ready" && each["status"] === "True")
      because.push({
        object: "agent",
        says: str(each["message"]),
        source: `condition ${str(each["type"])}, ${str(each["reason"])}`,
        since: str(each["lastTransitionTime"]) || undefined,
      });
  const cordoned = part(node["spec"])["unschedulable"] === true;
  if (cordoned) because.push({ object: "node", says: "is cordoned: no new pods come", source: "spec.unschedulable" });
  for (const taint of list(part(node["spec"])["taints"])) {
    const key = str(taint["key"]);
    if (key === "node.kubernetes.io/unschedulable") continue;
    because.push({
      object: "node",
      says: `keeps pods away that do not tolerate ${key}${str(taint["value"]) === "" ? "" : `=${str(taint["value"])}`}:${str(taint["effect"])}`,
      source: "spec.taints",
      since: str(taint["timeAdded"]) || undefined,
    });
  }
  const state =
    ready?.["status"] === "True"
      ? because.length === 0
        ? "is ready"
        : "is ready, with reservations"
      : ready?.["status"] === "False"
        ? "is not ready"
        : "is not heard of";
  return { state, trouble: because.length > 0, because, fixes: cordoned ? [`cox uncordon ${name}`] : [] };
}

/** The agent's last sign of life, and the last event about the node. */
async function lastWord(facts: Facts, node: Obj): Promise<Cause[]> {
  const { name } = node.metadata;
  const lease = await facts.get("leases", "kube-node-lease", name);
  const renewed = str(part(lease?.["spec"])["renewTime"]);
  const [event] = await facts.events(node);
  return [
    renewed === ""
      ? { object: "agent", says: "has never given a sign of life", source: `no lease kube-node-lease/${name}` }
      : {
          object: "agent",
          says: `gave its last sign of life ${humanDuration(Math.max(0, facts.now - Date.parse(renewed)))} ago`,
          source: `lease kube-node-lease/${name}`,
          since: renewed,
        },
    ...(event === undefined ? [] : [eventCause(event)]),
  ];
}

export async function whyClaim(facts: Facts, claim: Obj): Promise<Found> {
  const [spec, status] = [part(claim["spec"]), part(claim["status"])];
  if (claim.metadata.deletionTimestamp !== undefined) return whyOther(facts, claim);
  if (status["phase"] === "Bound")
    return { state: `has the volume ${str(spec["volumeName"])}`, trouble: false, because: [], fixes: [] };
  const className = str(spec["storageClassName"]);
  const storageClass = className === "" ? undefined : await facts.get("storageclasses", undefined, className);
  const because: Cause[] = [];
  if (className !== "" && storageClass === undefined)
    because.push({ object: `storageclass/${className}`, says: "does not exist", source: "API" });
  if (className === "")
    because.push({
      object: "claim",
      says: "names no storage class, and there was no default one",
      source: "spec.storageClassName",
    });
  const users = (await facts.list("pods", claim.metadata.namespace)).filter((pod) =>
    list(part(pod["spec"])["volumes"]).some(
      (each) => part(each["persistentVolumeClaim"])["claimName"] === claim.metadata.name,
    ),
  );
  if (storageClass?.["volumeBindingMode"] === "WaitForFirstConsumer") {
    const [user] = users;
    because.push({
      object: `storageclass/${className}`,
      says:
        user === undefined
          ? "waits for a pod that uses the claim, and there is none"
          : `waits until pod ${user.metadata.name} has a node`,
      source: "volumeBindingMode WaitForFirstConsumer",
    });
  }
  const [event] = (await facts.events(claim)).filter((each) => each["reason"] !== "WaitForFirstConsumer");
  if (event !== undefined) because.push(eventCause(event));
  return {
    state: "has no volume",
    trouble: true,
    because,
    fixes: users[0] === undefined ? [] : [`cox why pod/${users[0].metadata.name} -n ${claim.metadata.namespace}`],
  };
}

/** Types of conditions that tell of trouble while they are True. */
const bad = /Fail|Pressure|Terminating|Degraded|Stalled|Suspended|Unavailable|Limited|Conflict|Missing/;

/** What is true of every kind. */
export async function whyOther(facts: Facts, object: Obj): Promise<Found> {
  const { metadata } = object;
  const kind = object.kind.toLowerCase();
  const since = metadata.deletionTimestamp;
  const conditions = list(part(object["status"])["conditions"])
    .filter((each) => each["status"] !== undefined && (each["status"] === "True") === bad.test(str(each["type"])))
    .map((each): Cause => ({
      object: kind,
      says: str(each["message"]) || `${str(each["type"])} is ${str(each["status"])}`,
      source: `condition ${str(each["type"])}${str(each["reason"]) === "" ? "" : `, ${str(each["reason"])}`}`,
      since: str(each["lastTransitionTime"]) || undefined,
    }));
  const warning = (await facts.events(object)).find((each) => each["type"] === "Warning");
  const because = [
    ...(since === undefined ? [] : finalizersOf(kind, texts(metadata.finalizers), since)),
    ...conditions,
    ...(warning === undefined ? [] : [eventCause(warning)]),
  ];
  const state =
    since !== undefined
      ? "is being deleted"
      : because.length > 0
        ? "has something against it"
        : "has nothing recorded against it";
  return { state, trouble: because.length > 0 || since !== undefined, because, fixes: [] };
}
