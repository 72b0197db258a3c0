// `cox wait`: until a condition, a value, a deletion or a creation has come.
import {
  allFlag,
  allNamespacesFlag,
  duration,
  fieldSelectorFlag,
  deepFilenameFlags,
  outputFlags,
  selectorFlag,
  array,
  bool,
} from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, ExitError, throwAll } from "../failure.ts";
import { evaluateJsonPath, parseJsonPath, relaxedJsonPath, valueText } from "../print/jsonpath.ts";
import { withProgress } from "../print/progress.ts";
import { isNotFound } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collectWithErrors, parseTargets } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { createReporter } from "../resource/report.ts";
import { waitForObject } from "../resource/wait-for.ts";
import type { Session } from "../session.ts";

export const wait: Command = {
  usage:
    "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]] [options]",
  summary: "Wait for a specific condition on one or many resources",
  examples: `
# Until a pod is ready
cox wait --for=condition=Ready pod/busybox1

# Until a pod runs
cox wait --for=jsonpath='{.status.phase}'=Running pod/busybox1

# Until it is gone, but not longer than a minute
cox wait --for=delete pod/busybox1 --timeout=60s`,
  flags: {
    ...deepFilenameFlags,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allFlag,
    ...allNamespacesFlag,
    ...outputFlags,
    for: array(
      "The condition to wait on: [create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[JSONPath value]].",
    ),
    local: bool("If true, annotation will NOT contact api-server but run locally."),
    timeout: duration(
      "The length of time to wait before giving up. Zero means check once and don't wait, negative means wait for a week.",
      { default: "30s" },
    ),
  },
  run: async (session, args) => {
    const wanted = args.list("for").at(-1) ?? "";
    const condition = parseCondition(wanted);
    const timeout = args.duration("timeout") < 0 ? 7 * 24 * 3_600_000 : Math.max(args.duration("timeout"), 1);
    const infos = await targets(session, args, condition.kind, timeout);
    const errors: unknown[] = [];
    if (infos.length === 0 && condition.kind !== "delete") throw new CommandError("no matching resources found");
    let met = 0;
    const soFar = (): string => `waiting for ${wanted}: ${met} of ${infos.length}`;
    await withProgress(session, soFar, async (waiting) => {
      const report = await createReporter(waiting, args);
      await Promise.all(
        infos.map(async (info) => {
          try {
            const uid = info.object.metadata.uid;
            const object = await waitForObject(session, info, timeout, (now) => {
              if (condition.kind === "delete")
                return now === undefined || (uid !== undefined && now.metadata.uid !== uid);
              return now !== undefined && condition.met(now);
            });
            met += 1;
            await report(info.descriptor, object ?? info.object, "condition met");
          } catch (error) {
            errors.push(error);
          }
        }),
      );
    });
    // Several that were late stand each on a line of its own, without a word before them.
    if (errors.length > 1 && errors.every((error) => error instanceof CommandError))
      throw new ExitError(1, errors.map((error) => (error as CommandError).message).join("\n"));
    throwAll(errors);
  },
};

interface Condition {
  readonly kind: "create" | "delete" | "other";
  met(object: Obj): boolean;
}

async function targets(
  session: Session,
  args: Args,
  kind: Condition["kind"],
  timeout: number,
): Promise<readonly Info[]> {
  const { infos, errors } = await collectWithErrors(session, args, { latest: true, ignoreNotFound: kind === "delete" });
  const missing = errors.filter(isNotFound);
  if (kind !== "create" || missing.length === 0) {
    throwAll(errors);
    return infos;
  }
  // What is not there yet can only be waited for by its name.
  const found = await parseTargets(await session.mapper(), args.words);
  const wanted = found.flatMap(({ descriptor, names }) =>
    names.map((name) => ({ descriptor, name, namespace: descriptor.namespaced ? session.namespace : undefined })),
  );
  return Promise.all(
    wanted.map(async (each) => {
      const object = await waitForObject(session, each, timeout, (now) => now !== undefined).catch((error: unknown) => {
        throw (error as Error).message.startsWith("timed out waiting for the condition")
          ? new CommandError("timed out waiting for the condition", { cause: error })
          : error;
      });
      return { ...each, source: "", object: object as Obj };
    }),
  );
}

function parseCondition(text: string): Condition {
  const lower = text.toLowerCase();
  if (lower === "delete") return { kind: "delete", met: () => false };
  if (lower === "create") return { kind: "create", met: () => true };
  if (lower.startsWith("condition=")) {
    const [name = "", value = "true"] = text.slice("condition=".length).split("=");
    return {
      kind: "other",
      met: (object) => {
        const { conditions = [], observedGeneration } = (object["status"] ?? {}) as {
          conditions?: readonly { type: string; status: string; observedGeneration?: number }[];
          observedGeneration?: number;
        };
        const found = conditions.find(({ type }) => type.toLowerCase() === name.toLowerCase());
        if (found === undefined) return false;
        const seen = found.observedGeneration ?? observedGeneration;
        if (seen !== undefined && seen < (object.metadata.generation ?? 0)) return false;
        return found.status.toLowerCase() === value.toLowerCase();
      },
    };
  }
  if (lower.startsWith("jsonpath=")) {
    const found = /^(\{.*\}|[^=]+)(?:=(.*))?$/s.exec(text.slice("jsonpath=".length).replace(/^'(.*)'(=|$)/s, "$1$2"));
    if (!found)
      throw new CommandError(
        "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'",
      );
    const path = parseJsonPath(relaxedJsonPath(found[1] ?? ""));
    const wanted = found[2]?.replace(/^'(.*)'$/s, "$1");
    return {
      kind: "other",
      met: (object) => {
        const values = evaluateJsonPath(path, object, { allowMissing: true }).flat();
        if (values.length === 0) return false;
        if (wanted === undefined) return true;
        if (values.length > 1) throw new CommandError("given jsonpath expression matches more than one value");
        if (typeof values[0] === "object")
          throw new CommandError("jsonpath leads to a nested object or list which is not supported");
        return valueText(values[0]).trim() === wanted.trim();
      },
    };
  }
  throw new CommandError(`unrecognized condition: ${JSON.stringify(text)}`);
}
