// What nobody can tell of: the ends of containers on a machine that has no power any more.
import type { Action } from "../cluster/action.ts";
import type { ContainerEvent, Strike } from "../recording.ts";

/** Containers on a machine end with its power, and nobody there lives to tell. */
export function lostWithPower(
  events: readonly ContainerEvent[],
  strikes: readonly Strike[],
): readonly ContainerEvent[] {
  const dark = (action: Action, machine: string): boolean =>
    action.act === "power-off" ? action.machine === machine : action.act === "impose" && action.what === "lost-cluster";
  return strikes.flatMap(({ at, actions }) =>
    actions.flatMap((action) =>
      action.act === "power-off" || action.act === "impose"
        ? [
            ...new Map(
              events.filter((event) => dark(action, event.machine) && event.at <= at).map((event) => [event.id, event]),
            ).values(),
          ].map((event): ContainerEvent => ({ ...event, at, event: "lost" }))
        : [],
    ),
  );
}
