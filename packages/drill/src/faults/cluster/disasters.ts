// Disks that are gone for good. What heals them is the product's own way back: a replacement, `recover`, a restored backup.
import { hardshipFault } from "./fault.ts";

export const lostMaster = hardshipFault("a master lost with its disk", "lost-master", 1, { who: "store-leader" });
export const lostQuorum = hardshipFault("all masters off, all disks but one lost", "lost-quorum", 1, {
  who: "store-leader",
});
export const lostCluster = hardshipFault("everything off, every store lost, a backup left", "lost-cluster", 1, {
  who: "store-leader",
});
