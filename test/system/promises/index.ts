// What desired and actual state promise, each as one script, under the numbers of the list that the tests name. `npm run promises` plays them
// on a lab with one control-plane machine and three workers.
import { demos } from "../demos/index.ts";
import type { Demo } from "../demos/stage.ts";
import { lost, zones } from "./machines.ts";
import { level, selected, together } from "./manager.ts";
import { many } from "./others.ts";
import { emptied, following, known, renewed } from "./services.ts";
import { recorded, returning, toldOf } from "./state.ts";
import { alike, everywhere, rollouts, stateful } from "./workloads.ts";

export const promises: Readonly<Record<string, Demo>> = {
  A004: returning,
  A005: demos["horizontal-scaling"],
  A007: recorded,
  A008: toldOf,
  A080: level,
  A081: together,
  A084: selected,
  A087: rollouts,
  A088: everywhere,
  A089: emptied,
  A090: following,
  A091: known,
  A092: alike,
  A094: demos["dynamic-scaling"],
  A095: stateful,
  A096: many,
  A006: lost,
  A085: zones,
};

/** Played only when they are named. */
export const slowPromises: Readonly<Record<string, Demo>> = { "A091-renewal": renewed };
