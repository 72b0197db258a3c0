// What an operator does or forgets: a disk that fills up, a member that is replaced, defragmentation and leadership moved under load.
import type { Fault } from "./fault.ts";
import { anyOf } from "./fault.ts";

export const diskFull: Fault = {
  name: "disk full",
  available: ({ smallDisk }) => (smallDisk === undefined ? "no member has a disk that can be filled" : undefined),
  async strike(members, { clock, random }) {
    const name = members.smallDisk ?? "";
    await members.fillDisk(name, true);
    await clock.sleep(2000 + random.int(5000));
    await members.fillDisk(name, false);
    // Whether it has noticed or not: what could not be written may still be on its mind.
    await members.kill([name]);
    await members.start([name]);
    return name;
  },
};

export const replaceOne: Fault = {
  name: "replacement of a member",
  available: () => undefined,
  async strike(members, { random }) {
    const name = anyOf(members.names(), random);
    const asLearner = random.int(2) === 0;
    await members.replace(name, asLearner);
    return asLearner ? `${name}, as a learner first` : name;
  },
};

export const defragment: Fault = {
  name: "defragmentation",
  available: () => undefined,
  async strike(members, { random }) {
    const name = anyOf(members.names(), random);
    await members.defragment(name);
    return name;
  },
};

export const moveLeader: Fault = {
  name: "leadership moved",
  available: () => undefined,
  async strike(members, { random }) {
    const name = anyOf(members.names(), random);
    await members.moveLeader(name);
    return `to ${name}`;
  },
};
