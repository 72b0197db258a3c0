// Why a pod has no node: the scheduler's own record, node by node, with the first rule that fails and its numbers; without a record the
// words of its condition. And what would be the cheapest way out.
import { humanDuration } from "@coxswain/apimachinery";
import { list, part, str } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Cause } from "./answer.ts";
import type { Facts } from "./facts.ts";
import { leaderOf } from "./scheduler.ts";
import type { Decision } from "./scheduler.ts";

export interface Findings {
  readonly because: readonly Cause[];
  readonly fixes: readonly string[];
}

/** A leader that has not renewed its lease for so long is not at work. */
const staleMs = 30_000;

export async function whyPending(facts: Facts, pod: Obj): Promise<Findings> {
  const spec = part(pod["spec"]);
  const gates = list(spec["schedulingGates"]).map((gate) => str(gate["name"]));
  if (gates.length > 0)
    return {
      because: [
        {
          object: "pod",
          says: `is held back by its scheduling gates: ${gates.join(", ")}`,
          source: "spec.schedulingGates",
        },
      ],
      fixes: ["whoever set the gates takes them away; nobody else may place the pod before"],
    };
  const decision = await facts.decision(pod);
  if (decision !== undefined && decision.node === undefined) return fromDecision(decision);
  const condition = list(part(pod["status"])["conditions"]).find((each) => each["type"] === "PodScheduled");
  if (condition !== undefined && condition["status"] !== "True")
    return {
      because: [
        {
          object: "scheduler",
          says: str(condition["message"]),
          source: `condition PodScheduled, ${str(condition["reason"])}`,
          since: str(condition["lastTransitionTime"]),
        },
        {
          object: "scheduler",
          says: "its record with each node's numbers is not to be had: no scheduler that keeps one could be asked",
          source: "cox",
        },
      ],
      fixes: [],
    };
  return untried(facts, str(spec["schedulerName"]) || "default-scheduler");
}

async function untried(facts: Facts, name: string): Promise<Findings> {
  const quiet: Cause = {
    object: "scheduler",
    says: `${name} has not tried it yet`,
    source: "no condition PodScheduled",
  };
  if (name !== "default-scheduler")
    return {
      because: [quiet],
      fixes: [`is a scheduler called ${name} at work? Pods that name no scheduler go to default-scheduler`],
    };
  const leader = await leaderOf(facts, "kube-scheduler");
  if (leader === undefined)
    return {
      because: [
        {
          ...quiet,
          because: [{ object: "scheduler", says: "none has ever led", source: "no lease kube-system/kube-scheduler" }],
        },
      ],
      fixes: ["start a scheduler; cox status shows what runs"],
    };
  const silentMs = facts.now - Date.parse(leader.renewed);
  const lease: Cause = {
    object: "scheduler",
    says: `${leader.holder || "nobody"} leads${silentMs > staleMs ? `, and has not been heard of for ${humanDuration(silentMs)}` : ""}`,
    source: "lease kube-system/kube-scheduler",
    since: leader.renewed,
  };
  return {
    because: [{ ...quiet, because: [lease] }],
    fixes: silentMs > staleMs ? [`look after the scheduler on ${leader.holder}, or start another`] : [],
  };
}

function fromDecision(decision: Decision): Findings {
  const nodes = decision.rejected.map(rejectedCause).toSorted((left, right) => (left.object < right.object ? -1 : 1));
  const { preemption } = decision;
  const making: Cause[] =
    preemption === undefined
      ? []
      : [
          preemption.node === undefined
            ? { object: "preemption", says: preemption.message, source: "decision" }
            : {
                object: `node/${preemption.node}`,
                says: `is being cleared of ${(preemption.victims ?? []).join(", ") || "less important pods"}`,
                source: "preemption",
              },
        ];
  return {
    because: [
      {
        object: "scheduler",
        says: decision.because.split(" preemption: ", 1)[0] ?? "",
        source: `decision, attempt ${decision.attempt}`,
        since: decision.time,
        because: [...nodes, ...making],
      },
    ],
    fixes: preemption?.node === undefined ? cheapestFixes(decision) : [],
  };
}

/** A node and the first rule that turned the pod down, with its numbers where it has some. */
export const rejectedCause = ({ node, plugin, reasons, detail }: Decision["rejected"][number]): Cause => ({
  object: node === "*" ? "every node" : `node/${node}`,
  says: detail === "" ? reasons.join(", ") : detail,
  source: `rule ${plugin}`,
});

/** What would let the first node in, by what it costs: a word to a node, less asked for, a change of the pod, a machine more. */
function cheapestFixes({ rejected, nodeCount }: Decision): readonly string[] {
  const by = (plugin: string): Decision["rejected"] => rejected.filter((each) => each.plugin === plugin);
  const fixes: string[] = [];
  const [cordoned] = by("NodeUnschedulable");
  if (cordoned !== undefined) fixes.push(`cox uncordon ${cordoned.node}; its further rules are asked then`);
  const nearest = nearestFit(by("NodeResourcesFit"));
  if (nearest !== undefined) fixes.push(nearest);
  const [tainted] = by("TaintToleration");
  const taint = /taint (\S+?)=(.*):(\w+)$/.exec(tainted?.detail ?? "");
  if (tainted !== undefined && taint !== null)
    fixes.push(
      taint[1]?.startsWith("node.kubernetes.io/") === true
        ? `cox why node/${tainted.node}: the taint ${taint[1]} tells of its state`
        : `tolerate ${taint[1]} in the pod, or: cox taint node ${tainted.node} ${taint[1]}:${taint[3]}-`,
    );
  const [unlike] = by("NodeAffinity");
  const label = /the pod selects (\S+?)=(\S*), the node has/.exec(unlike?.detail ?? "");
  if (unlike !== undefined)
    fixes.push(
      label === null
        ? `let the pod's node affinity match a node, ${unlike.node} for one`
        : `cox label node ${unlike.node} ${label[1]}=${label[2]}, or select otherwise`,
    );
  if (nodeCount === 0) fixes.push("let a machine join: cox join");
  else if (fixes.length === 0 && by("NodeResourcesFit").length > 0) fixes.push("a machine more: cox join");
  return fixes;
}

/** The node that is short of the fewest things, and then by the smallest part of what is asked. */
function nearestFit(rejected: Decision["rejected"]): string | undefined {
  const candidates = rejected
    .map(({ node, detail }) => {
      const short = [...detail.matchAll(/([\w./-]+): asked ([^\s,]+), free ([^\s;]+) of ([^\s;]+)/g)].map(
        ([, name = "", asked = "", free = ""]) => ({ name, asked, free, part: amount(free) / amount(asked) }),
      );
      return { node, short, part: Math.min(...short.map((each) => each.part)) };
    })
    .filter(({ short, part: most }) => short.length > 0 && most > 0);
  const [best] = candidates.toSorted((left, right) => left.short.length - right.short.length || right.part - left.part);
  if (best === undefined) return undefined;
  const less = best.short.map(({ name, asked, free }) => `${name} ${free} instead of ${asked}`).join(" and ");
  return `ask for ${less}: then it fits on ${best.node}`;
}

const scales: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  Ki: 1024,
  M: 1e6,
  Mi: 1024 ** 2,
  G: 1e9,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};
function amount(text: string): number {
  const [, number, unit = ""] = /^(-?[\d.]+)(\w*)$/.exec(text) ?? [];
  return Number(number ?? 0) * (scales[unit] ?? 1);
}
