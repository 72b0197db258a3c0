// `cox scale`: through the scale subresource, so that it fits whatever can be scaled.
import { StatusError } from "@coxswain/apimachinery";
import { duration, editingFlags, number, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { call, isNotFound, pathOf } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collectWithErrors } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { createReporter, dryRunOf, printsObject } from "../resource/report.ts";
import { waitForObject } from "../resource/wait-for.ts";
import type { Session } from "../session.ts";

export const scale: Command = {
  usage:
    "scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME) [options]",
  summary: "Set a new size for a deployment, replica set, or replication controller",
  examples: `
# Three pods for a replica set
cox scale --replicas=3 rs/foo

# Only when it has two now
cox scale --current-replicas=2 --replicas=3 deployment/mysql`,
  flags: {
    ...editingFlags("kubectl-scale"),
    replicas: number("The new desired number of replicas. Required."),
    "current-replicas": number("Precondition for current size.", { default: "-1" }),
    "resource-version": text("Precondition for resource version."),
    timeout: duration("The length of time to wait before giving up on a scale operation, zero means don't wait."),
  },
  run: async (session, args) => {
    if (!args.has("replicas")) throw new CommandError('required flag(s) "replicas" not set');
    if (!args.has("replicas") || args.number("replicas") < 0)
      throw new CommandError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    const { infos, errors } = await collectWithErrors(session, args, { latest: true });
    if (infos.length === 0 && errors.length === 0) throw new CommandError("no objects passed to scale");
    if (infos.length === 0 && errors.every(isNotFound))
      throw new CommandError(
        `no objects passed to scale ${errors.map((error) => (error as Error).message).join(", ")}`,
        { cause: errors[0] },
      );
    if (infos.length > 1 && args.text("resource-version") !== "")
      throw new CommandError("cannot use --resource-version with multiple resources");
    const failed = [...errors];
    for (const info of infos) {
      try {
        if (dryRun !== "client")
          await scaleOne(
            session,
            info,
            args.number("replicas"),
            args.number("current-replicas"),
            args.text("resource-version"),
            dryRun === "server",
            args.text("field-manager"),
          );
        const object = printsObject(args)
          ? ((await call(session, { method: "GET", path: pathOf(info.descriptor, info.namespace, info.name) })) as Obj)
          : info.object;
        await report(info.descriptor, object, "scaled");
        if (args.duration("timeout") > 0 && dryRun === "none")
          await waitForObject(
            session,
            info,
            args.duration("timeout"),
            (now) => replicasOf(now, "status") === args.number("replicas"),
          );
      } catch (error) {
        failed.push(error);
      }
    }
    throwAll(failed);
  },
};

const replicasOf = (object: Obj | undefined, part: "spec" | "status"): number =>
  Number((object?.[part] as { replicas?: number } | undefined)?.replicas ?? 0);

async function scaleOne(
  session: Session,
  info: Info,
  replicas: number,
  expected: number,
  resourceVersion: string,
  dryRun: boolean,
  fieldManager: string,
): Promise<void> {
  const path = pathOf(info.descriptor, info.namespace, info.name, "scale");
  const query = { dryRun: dryRun ? "All" : undefined, fieldManager };
  try {
    if (expected < 0 && resourceVersion === "") {
      await call(session, {
        method: "PATCH",
        path,
        query,
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
      });
      return;
    }
    const now: Obj = await call(session, { method: "GET", path });
    if (expected >= 0 && replicasOf(now, "spec") !== expected)
      throw new CommandError(`Expected replicas to be ${expected}, was ${replicasOf(now, "spec")}`);
    if (resourceVersion !== "" && now.metadata.resourceVersion !== resourceVersion)
      throw new CommandError(`Expected resource version to be ${resourceVersion}, was ${now.metadata.resourceVersion}`);
    await call(session, {
      method: "PUT",
      path,
      query,
      body: { ...now, spec: { ...(now["spec"] as object), replicas } },
    });
  } catch (error) {
    if (
      error instanceof StatusError &&
      error.status.code === 404 &&
      /could not find the requested resource/.test(error.message)
    )
      throw new CommandError(
        `could not find a scale subresource of ${info.descriptor.resource}; only what has replicas can be scaled`,
        { cause: error },
      );
    throw error;
  }
}
