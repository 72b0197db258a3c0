// Why a workload has not what it wants: which controller waits for what, what it could not create, and the first of its pods that are not
// as they should be, each with its own chain.
import { humanDuration, labelSelectorMatcher } from "@coxswain/apimachinery";
import { list, num, part, str } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import { selectorOf } from "../resource/pods-of.ts";
import { rolloutProgress } from "../resource/rollout-progress.ts";
import type { Answer, Cause } from "./answer.ts";
import type { Facts } from "./facts.ts";
import { eventCause, whyPod } from "./pod.ts";
import { leaderOf } from "./scheduler.ts";

type Found = Omit<Answer, "object" | "namespace">;

const shownPods = 3;
const staleMs = 30_000;

export async function whyWorkload(facts: Facts, workload: Obj): Promise<Found> {
  const { metadata, kind } = workload;
  const status = part(workload["status"]);
  const [spec, generation] = [part(workload["spec"]), metadata.generation ?? 0];
  const namespaced = `-n ${metadata.namespace}`;
  if (generation > num(status["observedGeneration"]) && kind !== "Job")
    return {
      state: "has a wish that no controller has taken up",
      trouble: true,
      because: [await controllerCause(facts, generation, num(status["observedGeneration"]))],
      fixes: [],
    };
  const paused: Cause[] =
    spec["paused"] === true
      ? [{ object: "rollout", says: "is paused: a new template waits", source: "spec.paused" }]
      : [];
  const refused = await refusals(facts, workload);
  const pods = await podsOf(facts, workload);
  const troubled = await troubledPods(facts, pods);
  const numbers = state(workload, pods.length);
  const because = [...paused, ...refused, ...conditions(workload), ...troubled.causes];
  const trouble = because.length > 0 || !numbers.done;
  return {
    state: numbers.text,
    trouble,
    because,
    fixes: [
      ...(paused.length > 0 ? [`cox rollout resume ${kind.toLowerCase()}/${metadata.name} ${namespaced}`] : []),
      ...troubled.fixes,
    ],
  };
}

/** In kubectl's words where it has some. */
function state(workload: Obj, pods: number): { readonly text: string; readonly done: boolean } {
  const spec = part(workload["spec"]);
  const status = part(workload["status"]);
  switch (workload.kind) {
    case "Job": {
      const wanted = num(spec["completions"] ?? 1);
      const done = num(status["succeeded"]) >= wanted;
      return {
        text: `has completed ${num(status["succeeded"])} of ${wanted}, ${num(status["active"])} at work, ${num(status["failed"])} failed`,
        done,
      };
    }
    case "ReplicaSet":
    case "ReplicationController": {
      const wanted = num(spec["replicas"] ?? 1);
      return {
        text: `has ${num(status["readyReplicas"])} of ${wanted} pods ready`,
        done: num(status["readyReplicas"]) >= wanted,
      };
    }
    default: {
      const wanted = num(workload.kind === "DaemonSet" ? status["desiredNumberScheduled"] : (spec["replicas"] ?? 1));
      const ready = num(workload.kind === "DaemonSet" ? status["numberReady"] : status["readyReplicas"]);
      const updateStrategy = str(part(spec["updateStrategy"])["type"]);
      const progress = updateStrategy === "OnDelete" ? { done: true, text: "" } : rolloutProgress(workload, 0);
      const more = progress.done
        ? ""
        : `; ${progress.text.trim().replace(/^Waiting for .*? rollout to finish: |\.\.\.$/g, "")}`;
      return {
        text: `has ${ready} of ${wanted} pods ready${pods > wanted ? `, ${pods} in all` : ""}${more}`,
        done: progress.done && ready >= wanted,
      };
    }
  }
}

async function controllerCause(facts: Facts, wanted: number, seen: number): Promise<Cause> {
  const leader = await leaderOf(facts, "kube-controller-manager");
  const silentMs = leader === undefined ? 0 : facts.now - Date.parse(leader.renewed);
  return {
    object: "controller manager",
    says: `has seen generation ${seen} of ${wanted}`,
    source: "status.observedGeneration",
    because: [
      leader === undefined
        ? {
            object: "controller manager",
            says: "none has ever led",
            source: "no lease kube-system/kube-controller-manager",
          }
        : {
            object: "controller manager",
            says: `${leader.holder || "nobody"} leads${silentMs > staleMs ? `, and has not been heard of for ${humanDuration(silentMs)}` : ""}`,
            source: "lease kube-system/kube-controller-manager",
            since: leader.renewed,
          },
    ],
  };
}

const goodWhenTrue = new Set(["Available", "Progressing", "Complete", "SuccessCriteriaMet"]);

function conditions(workload: Obj): Cause[] {
  return list(part(workload["status"])["conditions"])
    .filter(
      (each) => each["type"] !== "Available" && (each["status"] === "True") !== goodWhenTrue.has(str(each["type"])),
    )
    .filter((each) => each["type"] !== "ReplicaFailure") // the replica set's own words are told instead
    .map((each) => ({
      object: workload.kind.toLowerCase(),
      says: str(each["message"]) || `${str(each["type"])} is ${str(each["status"])}`,
      source: `condition ${str(each["type"])}${str(each["reason"]) === "" ? "" : `, ${str(each["reason"])}`}`,
      since: str(each["lastTransitionTime"]) || undefined,
    }));
}

/** What its controller, or the replica set's, could not create, from the latest event while pods are missing. */
async function refusals(facts: Facts, workload: Obj): Promise<Cause[]> {
  const makers = workload.kind === "Deployment" ? await ownedSets(facts, workload) : [workload];
  const causes: Cause[] = [];
  for (const maker of makers) {
    const [spec, status] = [part(maker["spec"]), part(maker["status"])];
    const missing =
      maker.kind === "DaemonSet"
        ? num(status["currentNumberScheduled"]) < num(status["desiredNumberScheduled"])
        : num(status["replicas"] ?? status["active"]) < num(spec["replicas"] ?? spec["parallelism"] ?? 1);
    if (!missing) continue;
    const failed = (await facts.events(maker)).find((event) => str(event["reason"]).startsWith("FailedCreate"));
    if (failed === undefined) continue;
    causes.push({ ...eventCause(failed), object: `${maker.kind.toLowerCase()}/${maker.metadata.name}` });
  }
  return causes;
}

async function ownedSets(facts: Facts, deployment: Obj): Promise<readonly Obj[]> {
  const sets = await facts.list("replicasets", deployment.metadata.namespace);
  return sets.filter(
    ({ metadata, ...set }) =>
      metadata.ownerReferences?.some(({ uid }) => uid === deployment.metadata.uid) === true &&
      num(part((set as Obj)["spec"])["replicas"]) > 0,
  );
}

export async function podsOf(facts: Facts, workload: Obj): Promise<readonly Obj[]> {
  const selector = selectorOf(workload);
  if (selector === undefined) return [];
  const matches = labelSelectorMatcher(selector);
  const pods = await facts.list("pods", workload.metadata.namespace);
  return pods.filter(({ metadata }) => matches.matches(metadata.labels ?? {}));
}

/** The first pods in trouble, one of those whose reasons read alike. */
export async function troubledPods(
  facts: Facts,
  pods: readonly Obj[],
): Promise<{ readonly causes: readonly Cause[]; readonly fixes: readonly string[] }> {
  const alike = new Map<string, { cause: Cause; fixes: readonly string[]; count: number }>();
  for (const pod of pods) {
    const ready = list(part(pod["status"])["conditions"]).some(
      (each) => each["type"] === "Ready" && each["status"] === "True",
    );
    if (ready && pod.metadata.deletionTimestamp === undefined) continue;
    const found = await whyPod(facts, pod);
    if (!found.trouble) continue;
    const key = JSON.stringify([found.state, found.because.map(({ source, object }) => [source, object])]);
    const known = alike.get(key);
    if (known !== undefined) {
      known.count += 1;
      continue;
    }
    const cause = { object: `pod/${pod.metadata.name}`, says: found.state, source: "pod", because: found.because };
    alike.set(key, { cause, fixes: found.fixes, count: 1 });
  }
  const found = [...alike.values()].toSorted((left, right) => right.count - left.count).slice(0, shownPods);
  return {
    causes: found.map(({ cause, count }) =>
      count === 1
        ? cause
        : { ...cause, says: `${cause.says}, and so ${count === 2 ? "does 1 other" : `do ${count - 1} others`}` },
    ),
    fixes: [...new Set(found.flatMap(({ fixes }) => fixes))],
  };
}
