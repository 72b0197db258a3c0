// How soon a cluster acts on silence: `default` is Kubernetes' own times, `fast` is for few machines on one network. A profile is flags
// for the daemons; all machines of a cluster run the same one, since each relies on what the others promise.

import { MachineError } from "./failure.ts";

export const profiles = ["default", "fast"] as const;
export type Profile = (typeof profiles)[number];

/** Leaders are replaced within 4.5 s of silence. */
const leadership = [
  "--leader-elect-lease-duration=4s",
  "--leader-elect-renew-deadline=3s",
  "--leader-elect-retry-period=500ms",
];

/**
 * A node renews every 2 s and counts as lost after 8; pods that say nothing leave it 5 s later, and those that fence themselves have ended
 * by then.
 */
const fast: Readonly<Record<string, readonly string[]>> = {
  apiserver: ["--default-not-ready-toleration-seconds=5", "--default-unreachable-toleration-seconds=5"],
  scheduler: leadership,
  "controller-manager": [...leadership, "--node-monitor-grace-period=8s"],
  "node-agent": ["--node-lease-duration-seconds=8", "--fence-after=8s"],
};

/** The profile of that name; nothing said is the default. Throws MachineError that names who said it. */
export function profileNamed(name: string | undefined, who: string): Profile {
  const profile = profiles.find((each) => each === (name ?? "default"));
  if (profile !== undefined) return profile;
  throw new MachineError(`${who}: expected the profile ${profiles.join(" or ")}, found ${JSON.stringify(name)}`);
}

/** The flags that a profile adds to a daemon's. */
export function profileFlags(profile: Profile, daemon: string): readonly string[] {
  return profile === "fast" ? (fast[daemon] ?? []) : [];
}
