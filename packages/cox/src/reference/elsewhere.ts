// Commands that are declared in other ways (about a machine, and drills): their help, as whoever asks for it reads it. No process is begun.
import { systemClock, systemRandom } from "@coxswain/clock";
import { runCox } from "../cli.ts";
import { yargsCommands } from "../commands.ts";
import { machineSummaries } from "../machine/summaries.ts";
import type { Host, Output } from "../session.ts";

export interface HelpPage {
  /** "drill run". */
  readonly path: string;
  readonly summary: string;
  readonly text: string;
}

export async function helpPages(): Promise<readonly HelpPage[]> {
  const machine = await Promise.all(
    Object.entries(machineSummaries).map(async ([path, summary]) => ({ path, summary, text: await helpOf(path) })),
  );
  const others: HelpPage[] = [];
  for (const [path, { summary }] of Object.entries(yargsCommands)) {
    const text = await helpOf(path);
    others.push({ path, summary, text });
    for (const [, name = "", said = ""] of text.matchAll(new RegExp(`^ +cox ${path} ([a-z-]+)[^\\n]*? {2,}(.*)`, "gm")))
      others.push({ path: `${path} ${name}`, summary: said, text: await helpOf(`${path} ${name}`) });
  }
  return [...machine, ...others];
}

async function helpOf(path: string): Promise<string> {
  let text = "";
  const out: Output = {
    write: (written) => (text += Buffer.from(written as string).toString()),
    isTerminal: false,
    columns: 80,
    rows: 24,
    drained: () => Promise.resolve(),
    onResize: () => () => undefined,
  };
  const host: Host = {
    env: {},
    home: "/",
    out,
    err: out,
    input: { isTerminal: false, chunks: noInput(), setRaw: () => undefined },
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
  };
  const code = await runCox([...path.split(" "), "--help"], host);
  if (code !== 0) throw new Error(`cox ${path} --help ended with ${code}: ${text}`);
  // Where this checkout lies is nobody's affair.
  return text.replace(/"[^"\s]*\/\.coxswain"/g, '".coxswain"').trimEnd();
}

async function* noInput(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* [];
}
