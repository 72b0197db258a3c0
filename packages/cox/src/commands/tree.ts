// `cox tree`: what an object belongs to, and what belongs to it, with a word about the state of each.
import { humanDuration } from "@coxswain/apimachinery";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, num, part, str } from "../describe/page.ts";
import { bold } from "../print/colour.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import type { Obj } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import { readFamily } from "../resource/family.ts";
import type { Family } from "../resource/family.ts";
import { kindName } from "../resource/mapper.ts";
import type { Descriptor } from "../resource/mapper.ts";

export const tree: Command = {
  usage: "tree (TYPE NAME | TYPE/NAME ...) [options]",
  summary: "Show an object with its owners and dependants",
  examples: `
# What a deployment has made
cox tree deploy/web

# What a pod belongs to
cox tree pod/web-7d9c5b8f6-x2x5k`,
  flags: {},
  run: async (session, args) => {
    if (args.words.length === 0) throw new UsageError("expected 'tree TYPE/NAME': of which object?");
    const infos = await collect(session, args);
    const families = new Map<string | undefined, Promise<Family>>();
    const now = session.clock.now();
    const lines: string[] = ["NAME\tSTATE\tAGE"];
    for (const { descriptor, object, namespace } of infos) {
      if (!families.has(namespace)) families.set(namespace, readFamily(session, namespace));
      const family = await families.get(namespace)!;
      const above = ancestry(family, object);
      above.forEach((line, level) => lines.push(`${indent(level)}${line(now)}`));
      const mark = bold(session);
      const grow = (
        member: { descriptor: Descriptor; object: Obj },
        before: string,
        front: string,
        seen: ReadonlySet<string>,
      ): void => {
        const uid = member.object.metadata.uid ?? "";
        const named = `${kindName(member.descriptor)}/${member.object.metadata.name}`;
        lines.push(
          `${front}${uid === object.metadata.uid ? mark(named) : named}\t${stateOf(member.object)}\t${age(member.object, now)}`,
        );
        if (seen.has(uid)) return;
        const below = family.dependantsOf(uid);
        below.forEach((each, at) => {
          const last = at === below.length - 1;
          grow(each, `${before}${last ? "   " : "│  "}`, `${before}${last ? "└─ " : "├─ "}`, new Set([...seen, uid]));
        });
      };
      const start = indent(above.length);
      grow({ descriptor, object }, " ".repeat(start.length), start, new Set());
    }
    session.out.write(alignTabs(`${lines.join("\n")}\n`, tableTabs));
  },
};

const indent = (level: number): string => (level === 0 ? "" : `${"   ".repeat(level - 1)}└─ `);
const age = ({ metadata }: Obj, now: number): string =>
  typeof metadata.creationTimestamp !== "string" ? "" : humanDuration(now - Date.parse(metadata.creationTimestamp));

/** The line of controlling owners, the topmost first. */
function ancestry(family: Family, object: Obj): ((now: number) => string)[] {
  const lines: ((now: number) => string)[] = [];
  const seen = new Set([object.metadata.uid]);
  let at: Obj | undefined = object;
  while (at !== undefined) {
    const [owner] = family.ownersOf(at.metadata);
    at = undefined;
    if (owner === undefined) break;
    if ("missing" in owner) {
      lines.unshift(() => `${owner.missing}\tis gone\t`);
      break;
    }
    if (seen.has(owner.object.metadata.uid)) break;
    seen.add(owner.object.metadata.uid);
    const { descriptor, object: found } = owner;
    lines.unshift((now) => `${kindName(descriptor)}/${found.metadata.name}\t${stateOf(found)}\t${age(found, now)}`);
    at = found;
  }
  return lines;
}

/** A word or two about any object. */
export function stateOf(object: Obj): string {
  if (object.metadata.deletionTimestamp !== undefined) return "is being deleted";
  const [spec, status] = [part(object["spec"]), part(object["status"])];
  switch (object.kind) {
    case "Deployment":
    case "StatefulSet":
    case "ReplicaSet":
    case "ReplicationController":
      return `${num(status["readyReplicas"])}/${num(spec["replicas"] ?? 1)} ready`;
    case "DaemonSet":
      return `${num(status["numberReady"])}/${num(status["desiredNumberScheduled"])} ready`;
    case "Job":
      return `${num(status["succeeded"])}/${num(spec["completions"] ?? 1)} done`;
    case "Pod": {
      const waiting = list(status["containerStatuses"]).map((each) =>
        str(part(part(each["state"])["waiting"])["reason"]),
      );
      return waiting.find((reason) => reason !== "") ?? str(status["phase"]);
    }
    case "EndpointSlice": {
      const endpoints = list(object["endpoints"]);
      const ready = endpoints.filter((each) => part(each["conditions"])["ready"] !== false);
      return `${ready.length}/${endpoints.length} ready`;
    }
    default: {
      const ready = list(status["conditions"]).find((each) => ["Ready", "Available"].includes(str(each["type"])));
      return (
        str(status["phase"]) || (ready === undefined ? "" : ready["status"] === "True" ? "ready" : str(ready["reason"]))
      );
    }
  }
}
