// One line at the foot of the terminal that says what a command waits for and how long already. It goes to stderr, so that what the command
// prints stays what kubectl prints; nothing where stderr is no terminal.
import { humanDuration } from "@coxswain/apimachinery";
import type { Output, Session } from "../session.ts";
import { createLive } from "./live.ts";

/** What is done within it needs no word. */
const patienceMs = 1_000;

/** Gives `work` a session whose writing makes way for the foot. `text` is asked every second. */
export async function withProgress<T>(
  session: Session,
  text: () => string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const live = createLive(session, session.err);
  if (live === undefined) return work(session);
  const { clock } = session;
  const begun = clock.monotonic();
  const draw = (): void => {
    const elapsed = clock.monotonic() - begun;
    if (elapsed >= patienceMs) live.show([`${text()} (${humanDuration(elapsed)})`]);
  };
  const aside = (output: Output): Output => ({
    ...output,
    write(written) {
      live.clear();
      output.write(written);
      draw();
    },
  });
  let timer = clock.setTimeout(again, patienceMs);
  function again(): void {
    draw();
    timer = clock.setTimeout(again, 1_000);
  }
  try {
    // Not `{...session}`: that would open what nobody has asked for yet.
    return await work(
      Object.create(session, {
        out: { value: aside(session.out) },
        err: { value: aside(session.err) },
      }) as Session,
    );
  } finally {
    timer.cancel();
    live.clear();
  }
}
