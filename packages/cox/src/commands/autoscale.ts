// `cox autoscale`: a horizontal pod autoscaler for a workload.
import {
  bool,
  dryRunFlag,
  fieldManagerFlag,
  filenameFlags,
  number,
  outputFlags,
  text,
  validateFlag,
} from "../args/common.ts";
import type { Command } from "../command.ts";
import { createNow, metadataOf } from "../create/creation.ts";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";

export const autoscale: Command = {
  usage: "autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU] [options]",
  summary: "Auto-scale a deployment, replica set, stateful set, or replication controller",
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag("kubectl-autoscale"),
    ...validateFlag,
    "save-config": bool("If true, the configuration of current object will be saved in its annotation."),
    "cpu-percent": number(
      "The target average CPU utilization (represented as a percent of requested CPU) over all the pods.",
      { default: "-1" },
    ),
    max: number("The upper limit for the number of pods that can be set by the autoscaler. Required.", {
      default: "-1",
    }),
    min: number("The lower limit for the number of pods that can be set by the autoscaler.", { default: "-1" }),
    name: text("The name for the newly created object."),
  },
  run: async (session, args) => {
    if (!args.has("max")) throw new CommandError('required flag(s) "max" not set');
    if (args.number("max") < 1)
      throw new CommandError(`--max=MAXPODS is required and must be at least 1, max: ${args.number("max")}`);
    if (args.number("max") < args.number("min"))
      throw new CommandError(
        `--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${args.number("max")}, min: ${args.number("min")}`,
      );
    for (const info of await collect(session, args, { latest: true })) {
      if (!["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"].includes(info.descriptor.kind))
        throw new CommandError(
          `cannot autoscale a ${info.descriptor.kind}${info.descriptor.group === "" ? "" : `.${info.descriptor.group}`}: could not find scale subresource for ${info.descriptor.group}/${info.descriptor.version}, Resource=${info.descriptor.resource} in discovery information`,
        );
      const object = {
        kind: "HorizontalPodAutoscaler",
        apiVersion: "autoscaling/v1",
        metadata: metadataOf(args.text("name") || info.name),
        spec: {
          maxReplicas: args.number("max"),
          ...(args.number("min") > 0 ? { minReplicas: args.number("min") } : {}),
          scaleTargetRef: { apiVersion: info.object.apiVersion, kind: info.descriptor.kind, name: info.name },
          ...(args.number("cpu-percent") >= 0 ? { targetCPUUtilizationPercentage: args.number("cpu-percent") } : {}),
        },
        status: { currentReplicas: 0, desiredReplicas: 0 },
      } as object as Obj;
      await createNow(session, args, object, "autoscaled");
    }
  },
};
