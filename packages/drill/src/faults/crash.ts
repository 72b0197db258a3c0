// Members die without a word: one of them, the leader, all at once, all at once again and again, or at a named place in the code.
import type { Fault } from "./fault.ts";
import { anyOf } from "./fault.ts";

export const crashOne: Fault = {
  name: "kill -9 of a member",
  available: () => undefined,
  async strike(members, { clock, random }) {
    const name = anyOf(members.names(), random);
    await members.kill([name]);
    await clock.sleep(random.int(3000));
    await members.start([name]);
    return name;
  },
};

export const crashLeader: Fault = {
  name: "kill -9 of the leader",
  available: () => undefined,
  async strike(members, { clock, random }) {
    const name = (await members.leader()) ?? anyOf(members.names(), random);
    await members.kill([name]);
    await clock.sleep(random.int(3000));
    await members.start([name]);
    return name;
  },
};

export const crashAll: Fault = {
  name: "kill -9 of all at once",
  available: () => undefined,
  async strike(members, { clock, random }) {
    await members.kill(members.names());
    await clock.sleep(random.int(500));
    await members.start(members.names());
    return "all";
  },
};

/** All at once, so many times in a row, each time as soon as they have served for a moment. */
export function crashAllRepeatedly(times: number): Fault {
  return {
    name: `kill -9 of all at once, ${times} times in a row`,
    available: () => undefined,
    async strike(members, { clock, random }) {
      for (let count = 0; count < times; count++) {
        await members.kill(members.names());
        await members.start(members.names());
        await clock.sleep(random.int(1000));
      }
      return `all, ${times} times`;
    },
  };
}

export const dieAtFailpoint: Fault = {
  name: "death at a named place",
  available: ({ failpoints }) => (failpoints.length === 0 ? "the members have no failpoints" : undefined),
  async strike(members, { clock, random }) {
    const name = anyOf(members.names(), random);
    const place = anyOf(members.failpoints, random);
    const count = 1 + random.int(place.startsWith("wal/") || place.startsWith("peer/") ? 200 : 3);
    const died = await members.dieAt(name, place, count, 5000);
    await clock.sleep(random.int(1000));
    await members.kill([name]);
    await members.start([name]);
    return `${name} at ${place}, time ${count}${died ? "" : " (not reached)"}`;
  },
};
