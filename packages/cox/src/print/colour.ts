// Colour on a terminal, plain text everywhere else; NO_COLOR and TERM=dumb are obeyed.
import type { Session } from "../session.ts";

type Paint = (text: string) => string;

export const coloured = ({ out, env }: Pick<Session, "out" | "env">): boolean =>
  out.isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";

const paint =
  (code: number) =>
  (session: Pick<Session, "out" | "env">): Paint =>
    coloured(session) ? (text) => `\u001b[${code}m${text}\u001b[0m` : (text) => text;

export const bold = paint(1);
export const red = paint(31);
export const green = paint(32);
