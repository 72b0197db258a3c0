// Members that live and do not act, or cannot hear each other: stopped processes and partitions.
import type { Fault } from "./fault.ts";
import { anyOf } from "./fault.ts";

export const pauseOne: Fault = {
  name: "SIGSTOP, then SIGCONT",
  available: () => undefined,
  async strike(members, { clock, random }) {
    const leader = await members.leader();
    const name = random.int(2) === 0 && leader !== undefined ? leader : anyOf(members.names(), random);
    await members.pause(name);
    await clock.sleep(500 + random.int(6000));
    await members.resume(name);
    return name === leader ? `${name}, the leader` : name;
  },
};

export const isolateOne: Fault = {
  name: "partition of one from the others",
  available: () => undefined,
  async strike(members, { clock, random }) {
    const leader = await members.leader();
    const name = random.int(2) === 0 && leader !== undefined ? leader : anyOf(members.names(), random);
    for (const other of members.names().filter((each) => each !== name)) {
      await members.cut(name, other);
      await members.cut(other, name);
    }
    await clock.sleep(1000 + random.int(6000));
    await members.mend();
    return name === leader ? `${name}, the leader` : name;
  },
};

export const oneWay: Fault = {
  name: "partition in one direction",
  available: () => undefined,
  async strike(members, { clock, random }) {
    const name = anyOf(members.names(), random);
    const others = members.names().filter((each) => each !== name);
    const hears = random.int(2) === 0;
    for (const other of others) await (hears ? members.cut(name, other) : members.cut(other, name));
    await clock.sleep(1000 + random.int(6000));
    await members.mend();
    return hears ? `nobody hears ${name}` : `${name} hears nobody`;
  },
};

export const bridge: Fault = {
  name: "partition between two, with a third that sees both",
  available: (members) => (members.names().length < 3 ? "it takes three members" : undefined),
  async strike(members, { clock, random }) {
    const names = members.names();
    const middle = random.int(names.length);
    const [one, other] = names.filter((_, position) => position !== middle) as [string, string];
    await members.cut(one, other);
    await members.cut(other, one);
    await clock.sleep(1000 + random.int(6000));
    await members.mend();
    return `${one} and ${other}`;
  },
};
