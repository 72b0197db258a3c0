// A question to the person at the terminal, answered by a line. Decides nothing about when to ask.
import type { Session } from "./session.ts";

/** True for "y" and "yes"; everything else, and the end of the input, is a no. */
export async function agreed(session: Session, output: Session["out"], question: string): Promise<boolean> {
  output.write(`${question} (y/N): `);
  return /^y(es)?$/i.test((await readLine(session)).trim());
}

/** Up to the end of the line: a terminal has no other end. */
async function readLine(session: Session): Promise<string> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of session.input.chunks) {
    line += decoder.decode(chunk, { stream: true });
    const end = line.indexOf("\n");
    if (end >= 0) return line.slice(0, end);
  }
  return line;
}
