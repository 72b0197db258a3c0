// What each new member of a store that is made anew is told about it: the same for all, so that they are of one cluster.
import type { Ground } from "../ground.ts";
import { machineOf, mastersOf } from "../ground.ts";

export function beginningFlags(ground: Ground, name: string): readonly string[] {
  const url = (address: string): string => `https://${address}:2380`;
  return [
    `--name=${name}`,
    `--initial-cluster=${mastersOf(ground)
      .map((master) => `${master.name}=${url(master.address)}`)
      .join(",")}`,
    `--initial-advertise-peer-urls=${url(machineOf(ground, name).address)}`,
  ];
}
