// Runs a script of commands on a small group and writes down all that was observed, in a notation made for reading. Nothing is random:
// the election timeout of node N is 9 + N ticks, messages arrive in the order they were sent.
//
//   members 3            three voters, 1 2 3
//   campaign 1           node 1 stands for election
//   propose 1 x          asks node 1 to commit "x"
//   ready 1              does what node 1 wants done, shows it
//   deliver              hands over all messages that wait
//   settle               ready and deliver until nothing moves
//   tick 1 10 | cut 1 2 | heal | drop | read 1 r | change 1 add-learner 4 | transfer 1 2 | compact 1 | status
import {
  createMemoryStorage,
  createRaftNode,
  decodeMembershipChange,
  defaultLimits,
  emptyMembership,
} from "../src/index.ts";
import type { Entry, Membership, MemoryStorage, Message, NodeId, RaftNode, Ready, SingleChange } from "../src/index.ts";

interface Member {
  readonly node: RaftNode;
  readonly storage: MemoryStorage;
  applied: number;
  membership: Membership;
}

/** The script with the observations behind each command; older observations in it are replaced. */
export function runTranscript(script: string): string {
  const group = new TranscriptGroup();
  const commands = script
    .split("\n\n")
    .map((block) => block.trim())
    .filter(Boolean);
  return `${commands.map((block) => group.runBlock(block)).join("\n\n")}\n`;
}

class TranscriptGroup {
  readonly #members = new Map<NodeId, Member>();
  readonly #cut = new Set<string>();
  #inFlight: Message[] = [];

  runBlock(block: string): string {
    const lines = block.split("\n");
    const divider = lines.indexOf("----");
    const commands = divider < 0 ? lines : lines.slice(0, divider);
    const observed = commands.filter((line) => !line.startsWith("#")).flatMap((line) => this.#run(line));
    return [...commands, "----", ...(observed.length > 0 ? observed : ["nothing"])].join("\n");
  }

  #run(line: string): string[] {
    const [verb = "", ...words] = line.split(" ");
    const id = (position: number): NodeId => BigInt(words[position] ?? "0");
    const member = (): Member => this.#member(id(0));
    switch (verb) {
      case "members":
        return this.#found(Number(words[0]));
      case "campaign":
        member().node.campaign();
        return [];
      case "propose":
        return [member().node.propose(Buffer.from(words.slice(1).join(" ")))];
      case "change":
        return [this.#change(member(), words.slice(1))];
      case "read":
        member().node.readIndex(words[1] ?? "");
        return [];
      case "transfer":
        member().node.transferLeader(id(1));
        return [];
      case "forget-leader":
        member().node.forgetLeader();
        return [];
      case "tick":
        for (let count = 0; count < Number(words[1] ?? "1"); count++) member().node.tick();
        return [];
      case "cut":
        this.#cut.add(`${words[0]}-${words[1]}`).add(`${words[1]}-${words[0]}`);
        return [];
      case "heal":
        this.#cut.clear();
        return [];
      case "drop":
        this.#inFlight = [];
        return [];
      case "compact":
        this.#compact(member());
        return [];
      case "ready":
        return this.#ready(id(0));
      case "deliver":
        return this.#deliver();
      case "settle":
        return this.#settle();
      case "status":
        return [...this.#members.values()].map(({ node }) => describeStatus(node));
      default:
        throw new Error(`expected a command, found ${JSON.stringify(line)}`);
    }
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (!member) throw new Error(`there is no member ${id}`);
    return member;
  }

  #found(count: number): string[] {
    const voters = Array.from({ length: count }, (_, position) => BigInt(position + 1));
    for (const id of voters) this.#add(id, { ...emptyMembership, voters });
    return [`voters ${voters.join(" ")}`];
  }

  #add(id: NodeId, membership: Membership): void {
    const storage = createMemoryStorage();
    const begun = membership.voters.length > 0;
    if (begun) storage.applySnapshot({ index: 1, term: 1, membership, data: new Uint8Array(0) });
    storage.setHardState({ term: begun ? 1 : 0, vote: undefined, commit: begun ? 1 : 0 });
    const node = createRaftNode({
      ...defaultLimits,
      id,
      storage,
      applied: begun ? 1 : 0,
      randomInt: () => Number(id) - 1,
    });
    this.#members.set(id, { node, storage, applied: begun ? 1 : 0, membership });
  }

  #change(member: Member, words: readonly string[]): string {
    const changes: SingleChange[] = [];
    for (let position = 0; position + 1 < words.length; position += 2) {
      const type = words[position];
      if (type !== "add-voter" && type !== "add-learner" && type !== "remove")
        throw new Error(`expected a change, found ${type}`);
      const id = BigInt(words[position + 1] ?? "0");
      changes.push({ type, id });
      if (!this.#members.has(id)) this.#add(id, emptyMembership);
    }
    return member.node.proposeMembership({ transition: "auto", changes, context: new Uint8Array(0) });
  }

  #compact(member: Member): void {
    member.storage.createSnapshot(member.applied, member.membership, new Uint8Array(0));
    member.storage.compact(member.applied);
  }

  #ready(id: NodeId): string[] {
    const member = this.#member(id);
    if (!member.node.hasReady()) return [];
    const ready = member.node.ready();
    const lines = describeReady(id, ready);
    if (ready.snapshot) {
      member.storage.applySnapshot(ready.snapshot);
      member.applied = ready.snapshot.index;
      member.membership = ready.snapshot.membership;
    }
    member.storage.append(ready.entries);
    if (ready.hardState) member.storage.setHardState(ready.hardState);
    for (const entry of ready.committed) {
      member.applied = entry.index;
      if (entry.kind !== "membership") continue;
      const outcome = member.node.applyMembership(decodeMembershipChange(entry.data));
      if ("membership" in outcome) member.membership = outcome.membership;
      lines.push(
        `${id} members ${"membership" in outcome ? describeMembership(outcome.membership) : `unchanged: ${outcome.refused}`}`,
      );
    }
    for (const message of [
      ...ready.messages.map((each) => withFreshSnapshot(each, member)),
      ...ready.messagesAfterSync,
    ]) {
      const lost = this.#cut.has(`${message.from}-${message.to}`);
      lines.push(describeMessage(message) + (lost ? "  (lost)" : ""));
      if (!lost) this.#inFlight.push(message);
    }
    member.node.advance(ready);
    return lines;
  }

  #deliver(): string[] {
    const messages = this.#inFlight;
    this.#inFlight = [];
    for (const message of messages) {
      this.#members.get(message.to)?.node.step(message);
      if (message.type === "snapshot") this.#members.get(message.from)?.node.reportSnapshot(message.to, true);
    }
    return [];
  }

  #settle(): string[] {
    const lines: string[] = [];
    for (let round = 0; round < 100; round++) {
      const before = lines.length;
      for (const [id, { node }] of this.#members) while (node.hasReady()) lines.push(...this.#ready(id));
      if (this.#inFlight.length === 0 && lines.length === before) return lines;
      this.#deliver();
    }
    throw new Error("the group did not settle in 100 rounds");
  }
}

/** An older snapshot may not name the member it is meant for. */
function withFreshSnapshot(message: Message, { storage, applied, membership }: Member): Message {
  const term = storage.term(applied);
  if (message.type !== "snapshot" || typeof term !== "number") return message;
  return { ...message, snapshot: { index: applied, term, membership, data: new Uint8Array(0) } };
}

function describeReady(id: NodeId, ready: Ready): string[] {
  const lines: string[] = [];
  if (ready.softState) lines.push(`${id} is ${ready.softState.role}, leader ${ready.softState.leader ?? "none"}`);
  if (ready.snapshot)
    lines.push(
      `${id} installs snapshot ${ready.snapshot.term}/${ready.snapshot.index} ${describeMembership(ready.snapshot.membership)}`,
    );
  if (ready.hardState)
    lines.push(
      `${id} saves term=${ready.hardState.term} vote=${ready.hardState.vote ?? "none"} commit=${ready.hardState.commit}`,
    );
  if (ready.entries.length > 0) lines.push(`${id} saves ${describeEntries(ready.entries)}`);
  if (ready.committed.length > 0) lines.push(`${id} applies ${describeEntries(ready.committed)}`);
  for (const { context, index } of ready.readStates) lines.push(`${id} may read ${context} at ${index}`);
  return lines;
}

function describeEntries(entries: readonly Entry[]): string {
  const one = ({ term, index, kind, data }: Entry): string => {
    if (kind === "membership") {
      const changes = decodeMembershipChange(data).changes.map((change) => `${change.type} ${change.id}`);
      return `${term}/${index} {${changes.join(", ") || "leave joint"}}`;
    }
    return data.length === 0 ? `${term}/${index}` : `${term}/${index} ${JSON.stringify(Buffer.from(data).toString())}`;
  };
  return `[${entries.map(one).join(", ")}]`;
}

function describeMembership(membership: Membership): string {
  const parts = [`voters ${membership.voters.join(" ")}`];
  if (membership.outgoing.length > 0) parts.push(`outgoing ${membership.outgoing.join(" ")}`);
  if (membership.learners.length > 0) parts.push(`learners ${membership.learners.join(" ")}`);
  if (membership.learnersNext.length > 0) parts.push(`next learners ${membership.learnersNext.join(" ")}`);
  return parts.join("; ");
}

function describeMessage(message: Message): string {
  const head = `${message.from}→${message.to} ${message.type}${message.term > 0 ? ` term=${message.term}` : ""}`;
  switch (message.type) {
    case "append":
      return `${head} after=${message.prevTerm}/${message.prevIndex} entries=${describeEntries(message.entries)} commit=${message.commit}`;
    case "append-response":
      return message.reject
        ? `${head} rejected=${message.index} hint=${message.hintTerm}/${message.hintIndex}`
        : `${head} match=${message.index}`;
    case "vote":
    case "pre-vote":
      return `${head} last=${message.lastTerm}/${message.lastIndex}${message.transfer ? " transfer" : ""}`;
    case "vote-response":
    case "pre-vote-response":
      return `${head} ${message.reject ? "no" : "yes"}`;
    case "snapshot":
      return `${head} ${message.snapshot.term}/${message.snapshot.index}`;
    case "heartbeat":
      return `${head} commit=${message.commit}${message.context ? ` context=${message.context}` : ""}`;
    case "heartbeat-response":
    case "read-index":
      return `${head}${message.context ? ` context=${message.context}` : ""}`;
    case "read-index-response":
      return `${head} context=${message.context} index=${message.index}`;
    case "propose":
      return `${head} ${message.entries.length}`;
    case "timeout-now":
      return head;
    case "transfer-leader":
      return `${head} to=${message.transferee}`;
  }
}

function describeStatus(node: RaftNode): string {
  const { id, role, term, leader, commit, applied, lastIndex, progress } = node.status();
  const followers = Array.from(
    progress,
    ([to, p]) => `${to}:${p.state} ${p.match}/${p.next}${p.isLearner ? " learner" : ""}`,
  );
  return `${id} ${role} term=${term} leader=${leader ?? "none"} last=${lastIndex} commit=${commit} applied=${applied}${followers.length > 0 ? ` [${followers.join(", ")}]` : ""}`;
}
