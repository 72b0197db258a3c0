// The store is given a learner whose machine does not exist, and loses it again.
import type { HardshipHand } from "../ground.ts";
import { always } from "../ground.ts";

const nowhere = "https://127.255.255.254:2380";

export const extraMember: HardshipHand = {
  available: always,
  async impose({ store }) {
    const client = store?.connectAll();
    await client?.cluster.memberAdd({ peerURLs: [nowhere], isLearner: true }).finally(() => client.close());
  },
  async lift({ store }) {
    const client = store?.connectAll();
    try {
      const members = (await client?.cluster.memberList({ linearizable: true }))?.members ?? [];
      for (const { id } of members.filter(({ peerURLs }) => peerURLs.includes(nowhere)))
        await client?.cluster.memberRemove({ id });
    } finally {
      client?.close();
    }
  },
};
