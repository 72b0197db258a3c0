// Every hardship that a drill can impose on a lab, by name.
import type { Hardship } from "@coxswain/drill";
import type { HardshipHand } from "../ground.ts";
import { clockOffset } from "./clock-offset.ts";
import { extraMember } from "./extra-member.ts";
import { fullDisk } from "./full-disk.ts";
import { fullStore } from "./full-store.ts";
import { lostCluster } from "./lost-cluster.ts";
import { lostMaster } from "./lost-master.ts";
import { lostQuorum } from "./lost-quorum.ts";
import { noRegistry } from "./no-registry.ts";
import { oldCertificates } from "./old-certificates.ts";
import { packetLoss } from "./packet-loss.ts";
import { slowDisk } from "./slow-disk.ts";
import { slowLink } from "./slow-link.ts";
import { starvation } from "./starvation.ts";

export const hardshipHands: Readonly<Record<Hardship, HardshipHand>> = {
  "packet-loss": packetLoss,
  "slow-link": slowLink,
  "no-registry": noRegistry,
  "slow-disk": slowDisk,
  "full-disk": fullDisk,
  starvation,
  "clock-offset": clockOffset,
  "old-certificates": oldCertificates,
  "extra-member": extraMember,
  "full-store": fullStore,
  "lost-master": lostMaster,
  "lost-quorum": lostQuorum,
  "lost-cluster": lostCluster,
};
