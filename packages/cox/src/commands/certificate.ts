// `cox certificate approve|deny`: answers to certificate signing requests.
import { rfc3339 } from "@coxswain/clock";
import { bool, filenameFlags, outputFlags } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { replaceObject } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import { createReporter } from "../resource/report.ts";

function answer(verb: "approve" | "deny"): Command {
  const [type, other, done] =
    verb === "approve" ? ["Approved", "Denied", "approved"] : ["Denied", "Approved", "denied"];
  return {
    usage: `certificate ${verb} (-f FILENAME | NAME) [options]`,
    summary: verb === "approve" ? "Approve a certificate signing request" : "Deny a certificate signing request",
    flags: {
      ...filenameFlags,
      ...outputFlags,
      force: bool("Update the CSR even if it is already approved or denied."),
    },
    run: async (session, args) => {
      const report = await createReporter(session, args);
      const infos = await collect(session, args, { latest: true, defaultType: "certificatesigningrequests" });
      if (infos.length === 0) throw new CommandError("one or more CSRs must be specified as <name> or -f <filename>");
      for (const info of infos) {
        const status = (info.object["status"] ?? {}) as { conditions?: { type: string }[] };
        const conditions = status.conditions ?? [];
        if (conditions.some((condition) => condition.type === other))
          throw new CommandError(`certificate signing request "${info.name}" is already ${other?.toLowerCase()}`);
        if (!conditions.some((condition) => condition.type === type) || args.flag("force")) {
          const condition = {
            type,
            status: "True",
            reason: `Kubectl${type === "Approved" ? "Approve" : "Deny"}`,
            message: `This CSR was ${done} by cox certificate ${verb}.`,
            lastUpdateTime: rfc3339(session.clock.now()),
          };
          await replaceObject(
            session,
            info.descriptor,
            undefined,
            {
              ...info.object,
              status: { ...status, conditions: [...conditions.filter((each) => each.type !== type), condition] },
            } as typeof info.object,
            { subresource: "approval" },
          );
        }
        await report(info.descriptor, info.object, done);
      }
    },
  };
}

const [approve, deny] = [answer("approve"), answer("deny")];

export const certificate: Command = {
  usage: "certificate SUBCOMMAND [options]",
  summary: "Modify certificate resources",
  flags: {},
  subcommands: {
    approve: { summary: approve.summary, load: () => Promise.resolve(approve) },
    deny: { summary: deny.summary, load: () => Promise.resolve(deny) },
  },
};
