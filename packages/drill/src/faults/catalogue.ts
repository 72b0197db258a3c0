// All faults there are, in the order in which a run goes through them before it draws at random.
import { crashAll, crashLeader, crashOne, dieAtFailpoint } from "./crash.ts";
import type { Fault } from "./fault.ts";
import { bridge, isolateOne, oneWay, pauseOne } from "./stall.ts";
import { defragment, diskFull, moveLeader, replaceOne } from "./upkeep.ts";

export const faults: readonly Fault[] = [
  crashLeader,
  pauseOne,
  isolateOne,
  crashAll,
  dieAtFailpoint,
  replaceOne,
  oneWay,
  defragment,
  diskFull,
  bridge,
  moveLeader,
  crashOne,
];
