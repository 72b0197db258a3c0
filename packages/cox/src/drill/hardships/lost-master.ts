// A master loses its power and its member's disk. Its place is taken by an empty machine of the same name and address, the way `cox join
// --master` does it: the dead member is removed, a learner let in, and promoted when it has caught up.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { admit, openStore } from "../../machine/members.ts";
import { restartPlain, restartWith } from "../environment.ts";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, asMachine, lostMark, machineOf, mastersOf, settled, storeOf } from "../ground.ts";

export const lostMaster: HardshipHand = {
  available: always,
  async impose(ground, machine) {
    writeFileSync(lostMark(ground, machine), "");
    await ground.lab("off", machine);
    rmSync(storeOf(ground, machine), { recursive: true, force: true });
  },
  async lift(ground, machine) {
    if (!existsSync(lostMark(ground, machine))) return;
    await replaceMaster(ground, machine);
    rmSync(lostMark(ground, machine));
  },
};

export async function replaceMaster(ground: Ground, name: string): Promise<void> {
  const { address } = machineOf(ground, name);
  const others = mastersOf(ground)
    .filter((master) => master.name !== name)
    .map((master) => `https://${master.address}:2379`);
  using own = asMachine(ground, name);
  await admit(own.directory, others, { name, address }, ground.clock);
  await ground.lab("on", name);
  // The supervisor's flags are those of a first start.
  await restartWith(ground, name, "store", ["export ETCD_INITIAL_CLUSTER_STATE=existing"]);
  const store = openStore(own.directory, others, ground.clock);
  try {
    await settled(ground, `${name} votes`, 90_000, async () => {
      const { members } = await store.cluster.memberList({ linearizable: true });
      const member = members.find(({ peerURLs }) => peerURLs.includes(`https://${address}:2380`));
      if (member?.isLearner) await store.cluster.memberPromote({ id: member.id });
      return member?.isLearner === false;
    });
  } finally {
    store.close();
  }
  await restartPlain(ground, name, "store", false);
}
