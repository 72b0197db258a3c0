// What webhooks and policies remember between the two rounds of mutating admission: who was asked, who wants to be asked again after a change, and what
// the first round left. After apiserver's reinvocation contexts.
import type { ApiObject } from "@coxswain/apimachinery";
import { jsonEqual } from "@coxswain/apimachinery";
import type { AdmissionAttributes } from "../../request.ts";

export interface Rounds {
  /** Whether it is to be asked in this round: everybody in the first, in the second who wants it and saw a change behind it. */
  isTurnOf(id: string): boolean;
  /** The object is not what it was: those asked before and willing are asked again. */
  changed(): void;
  wantsAgain(id: string): void;
  /** What this round has made. */
  end(object: ApiObject | undefined): void;
}

interface Notes {
  readonly asked: Set<string>;
  readonly again: Set<string>;
  output: ApiObject | undefined;
}

/** `plugin` keeps its notes apart from those of others. */
export function roundsOf(plugin: string, { reinvocation, object }: AdmissionAttributes): Rounds {
  const known = reinvocation?.notes.get(plugin) as Notes | undefined;
  const notes: Notes = known ?? { asked: new Set(), again: new Set(), output: undefined };
  reinvocation?.notes.set(plugin, notes);
  const requireAgain = (): void => {
    for (const id of notes.asked) notes.again.add(id);
    notes.asked.clear();
  };
  const isSecond = reinvocation?.isSecond === true;
  // Others have changed it meanwhile.
  if (isSecond && !jsonEqual(notes.output ?? null, object ?? null)) requireAgain();
  return {
    isTurnOf: (id) => !isSecond || notes.again.has(id),
    changed() {
      requireAgain();
      reinvocation?.request();
    },
    wantsAgain: (id) => void notes.asked.add(id),
    end: (made) => void (notes.output = made),
  };
}
