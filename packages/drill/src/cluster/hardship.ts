// Conditions that a drill imposes on a machine or on the cluster and lifts again, by name. What each takes and how it is done is the
// target's business (cox has one file for each); here is only what can be said of them.

export const hardships = {
  // Of a machine; the amount says how hard.
  "packet-loss": "loses % of the packets that reach it",
  "slow-link": "sends no faster than kbit/s",
  "no-registry": "reaches nobody outside the cluster",
  "slow-disk": "its store's disk takes ms longer for each sync",
  "full-disk": "its store's disk has no room left (MiB it had)",
  starvation: "has % of one processor",
  "clock-offset": "its daemons' clocks are off by s",
  "old-certificates": "its certificates end in s",
  // Of the cluster, done at the machine that is named.
  "extra-member": "the store has a learner that never comes",
  "full-store": "the store is filled up to its quota (MiB of room before)",
  "lost-master": "its disk is lost with it; an empty machine of its name takes its place",
  "lost-quorum": "it alone of all masters still has its disk",
  "lost-cluster": "every machine is off and every store's disk lost; what is left is a backup made here",
} as const;

export type Hardship = keyof typeof hardships;
