// `cox version`: ours and the server's.
import type { Argv } from "yargs";
import { coxVersion } from "../version.ts";
import type { WithSession } from "../session.ts";

export function addVersion(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "version",
    "Print the versions of cox and of the server",
    (command) => command.option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        session.out.write(`Client Version: v${coxVersion}\n`);
        const response = await session.client.request({ method: "GET", path: "/version", signal: session.signal });
        session.out.write(`Server Version: ${(response.json() as { gitVersion: string }).gitVersion}\n`);
      }),
  );
}
