// Asks the daemons of this machine whether they are ready, over connections that are kept, and leaves each answer in a file: what runs beside
// them (compose's health checks, `cox health`) then needs neither a certificate nor a process that speaks TLS.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import type { RequestOptions } from "node:https";
import { daemonsOf, filesOf, healthPortOf } from "./daemons.ts";
import { writeWhole } from "./files.ts";
import type { MachineRecord } from "./record.ts";

const patienceMs = 3000;

export interface ReadinessProbe {
  /** Writes `ready/NAME` for each daemon; answers what those that are not ready say. */
  look(record: MachineRecord): Promise<ReadonlyMap<string, string>>;
  close(): void;
}

export function createReadinessProbe(directory: string): ReadinessProbe {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { at, cert } = filesOf(directory);
  return {
    async look(record) {
      const ca = readFileSync(cert("kubernetes-ca"));
      // The store answers plainly on the loopback, so nobody has to be asked for it.
      const names = daemonsOf(record, directory).map(({ name }) => name);
      const answers = await Promise.all(
        names
          .filter((name) => name !== "store")
          .map(async (name): Promise<[string, string]> => {
            const port = healthPortOf(name, record);
            const said = await ask({ host: record.address, port, path: "/readyz", agent, ca, timeout: patienceMs });
            writeWhole(at("ready", name), `${said}\n`, 0o644);
            return [name, said];
          }),
      );
      return new Map(answers.filter(([, said]) => said !== "ok"));
    },
    close: () => agent.destroy(),
  };
}

/** "ok", or in one line why not. */
function ask(options: RequestOptions): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(options, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.once("end", () =>
        resolve(
          answer.statusCode === 200
            ? "ok"
            : text
                .trim()
                .replace(/\s*\n\s*/g, ", ")
                .slice(0, 500),
        ),
      );
      answer.once("error", (error) => resolve(error.message));
    });
    asked.once("timeout", () => asked.destroy(new Error(`no answer within ${patienceMs} ms`)));
    asked.once("error", (error) => resolve(error.message));
    asked.end();
  });
}
