// The commands about a machine by name, with a line each: all that the rest of the command line knows before one is called.

export const machineSummaries = {
  init: "Makes this machine the first control-plane machine of a new cluster",
  join: "Makes this machine a worker, or with --master a further master, of a cluster that runs",
  invite: "Makes a new token and shows how further machines join",
  leave: "Takes this machine out of its cluster: the store, the API, its files",
  reset: "Forgets the cluster on this machine, whatever the others say; volumes stay",
  plan: "Shows which clusters one can have, of how many machines, and what they survive",
  certs: "Lists this machine's certificates, or renews them now",
  backup: "Writes the store's snapshot and the cluster's keys into a new directory",
  restore: "Makes this machine the first master of the cluster in a backup",
  setup: "For compose and systemd: sets this machine up as its environment says, if it is not",
  keep: "For compose and systemd: looks after this machine until it is stopped",
  health: "Says what the keeper complains of; exit code 1 when there is something",
} as const;

export type MachineCommandName = keyof typeof machineSummaries;

export function isMachineCommand(name: string): name is MachineCommandName {
  return Object.hasOwn(machineSummaries, name);
}
