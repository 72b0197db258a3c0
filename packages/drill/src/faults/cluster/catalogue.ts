// All faults of a cluster by name. Drills name one; D-20 goes through those that are listed for it.
import { restartAgent } from "./agent-restart.ts";
import { certificatesEnding, certificatesExpired } from "./certificates.ts";
import { clientPartition } from "./client-partition.ts";
import { clockAhead, clockBehind } from "./clock-offset.ts";
import { lostCluster, lostMaster, lostQuorum } from "./disasters.ts";
import { restartEngine } from "./engine-restart.ts";
import type { ClusterFault } from "./fault.ts";
import { fullDisk } from "./full-disk.ts";
import { fullStore } from "./full-store.ts";
import { stop } from "./graceful-stop.ts";
import { kill } from "./kill.ts";
import { pauseMachine } from "./machine-pause.ts";
import { extraMember } from "./membership.ts";
import { noDns } from "./no-dns.ts";
import { noRegistry } from "./no-registry.ts";
import { oneWay } from "./one-way.ts";
import { packetLoss } from "./packet-loss.ts";
import { partition } from "./partition.ts";
import { pause } from "./pause.ts";
import { powerOff } from "./power-off.ts";
import { ring } from "./ring.ts";
import { rollOut } from "./roll-out.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { flushRules } from "./rules-flushed.ts";
import { rulesLock } from "./rules-lock.ts";
import { slowDisk } from "./slow-disk.ts";
import { slowLink } from "./slow-link.ts";
import { starvation } from "./starvation.ts";

export const clusterFaults = {
  kill,
  stop,
  pause,
  powerOff,
  pauseMachine,
  partition,
  oneWay,
  ring,
  clientPartition,
  packetLoss,
  slowLink,
  slowDisk,
  fullDisk,
  fullStore,
  clockAhead,
  clockBehind,
  starvation,
  restartEngine,
  restartAgent,
  noRegistry,
  noDns,
  flushRules,
  rulesLock,
  certificatesEnding,
  certificatesExpired,
  extraMember,
  rollingRestart,
  lostMaster,
  lostQuorum,
  lostCluster,
  rollOut,
} as const satisfies Readonly<Record<string, ClusterFault>>;

export type FaultName = keyof typeof clusterFaults;

/** What a soak may do to a cluster: everything that leaves it its disks and needs no more than some seconds. */
export const everyday: readonly FaultName[] = [
  "kill",
  "stop",
  "pause",
  "partition",
  "oneWay",
  "ring",
  "clientPartition",
  "packetLoss",
  "slowLink",
  "slowDisk",
  "starvation",
  "extraMember",
  "noRegistry",
  "noDns",
  "flushRules",
  "restartEngine",
  "pauseMachine",
  "rollingRestart",
  "powerOff",
];
