// `cox version`: ours and the server's.
import { bool, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { formatJson } from "../print/json.ts";
import { formatYaml } from "../print/yaml.ts";
import { call } from "../resource/api.ts";
import { coxVersion } from "../version.ts";

export const version: Command = {
  usage: "version [options]",
  summary: "Print the client and server version information",
  flags: {
    client: bool("If true, shows client version only (no server required)."),
    output: text("One of 'yaml' or 'json'.", { short: "o" }),
  },
  run: async (session, args) => {
    if (args.words.length > 0) throw new CommandError(`extra arguments: [${args.words.join(" ")}]`);
    const format = args.text("output");
    if (!["", "json", "yaml"].includes(format)) throw new CommandError("--output must be 'yaml' or 'json'");
    const clientVersion = {
      gitVersion: `v${coxVersion}`,
      platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
    };
    let serverVersion: { readonly gitVersion: string } | undefined;
    let failure: unknown;
    if (!args.flag("client")) {
      try {
        serverVersion = await call(session, { method: "GET", path: "/version" });
      } catch (error) {
        failure = error;
      }
    }
    const both = { clientVersion, ...(serverVersion === undefined ? {} : { serverVersion }) };
    if (format === "json") session.out.write(`${formatJson(both, 2)}\n`);
    else if (format === "yaml") session.out.write(formatYaml(both));
    else {
      session.out.write(`Client Version: v${coxVersion}\n`);
      if (serverVersion !== undefined) session.out.write(`Server Version: ${serverVersion.gitVersion}\n`);
    }
    if (failure !== undefined) throw failure;
  },
};
