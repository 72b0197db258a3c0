// Runs a script of commands on a small group and writes down all that was observed, in a notation made for reading. Nothing is random:
// the election timeout of node N is 9 + N ticks, messages arrive in the order they were sent.
//
//   members 3 [OPTION …]    three voters, 1 2 3; options: no-pre-vote no-check-quorum lease-reads inflight=N uncommitted=BYTES
//   elect 1                 campaign and settle, without the details
//   campaign 1              node 1 stands for election
//   propose 1 x             asks node 1 to commit "x"
//   ready 1                 does what node 1 wants done, shows it
//   begin 1 | finish 1      the same in two parts: what its disk does is done only in the second
//   flush 1                 sends what need not wait for the disk that is at work
//   deliver [1 2]           hands over all messages that wait, or those from 1 to 2
//   settle                  ready and deliver until nothing moves; a disk that is at work stays at work
//   crash 1 | restart 1     what was not finished is gone
//   change 1 [joint-implicit|joint-explicit] add-voter 4 remove 2 … | change 1 joint-explicit leave | refuse 1
//   tick 1 10 | cut 1 2 | heal | drop | read 1 r | transfer 1 2 | forget-leader 1 | unreachable 1 2 | compact 1 | status
import {
  createMemoryStorage,
  createRaftNode,
  decodeMembershipChange,
  defaultLimits,
  emptyMembership,
} from "../src/index.ts";
import type {
  Entry,
  Membership,
  MembershipChange,
  MemoryStorage,
  Message,
  NodeId,
  RaftConfig,
  RaftNode,
  Ready,
  SingleChange,
} from "../src/index.ts";

interface Member {
  node: RaftNode;
  readonly storage: MemoryStorage;
  applied: number;
  membership: Membership;
  /** Its disk is at work on this. */
  outstanding: Ready | undefined;
  /** The application will refuse the next change of members. */
  refuses: boolean;
  down: boolean;
}

type Options = Partial<Omit<RaftConfig, "id" | "storage" | "applied" | "randomInt">>;

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
  #options: Options = {};

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
        return this.#found(Number(words[0]), words.slice(1));
      case "elect":
        member().node.campaign();
        this.#settle();
        return [`${id(0)} leads term ${member().node.term}`];
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
      case "refuse":
        member().refuses = true;
        return [];
      case "unreachable":
        member().node.reportUnreachable(id(1));
        return [];
      case "ready":
        return [...this.#begin(id(0)), ...this.#finish(id(0))];
      case "begin":
        return this.#begin(id(0));
      case "finish":
        return this.#finish(id(0));
      case "flush":
        return [
          ...this.#send(member(), member().node.takeMessages()),
          ...describeReads(id(0), member().node.takeReadStates()),
        ];
      case "deliver":
        return words.length > 0 ? this.#deliver(id(0), id(1)) : this.#deliver();
      case "crash":
        member().down = true;
        member().outstanding = undefined;
        return [];
      case "restart":
        this.#restart(id(0));
        return [];
      case "settle":
        return this.#settle();
      case "status":
        return [...this.#members.values()].flatMap(({ node, down }) => (down ? [] : [describeStatus(node)]));
      default:
        throw new Error(`expected a command, found ${JSON.stringify(line)}`);
    }
  }

  #member(id: NodeId): Member {
    const member = this.#members.get(id);
    if (!member) throw new Error(`there is no member ${id}`);
    return member;
  }

  #found(count: number, words: readonly string[]): string[] {
    this.#options = parseOptions(words);
    const voters = Array.from({ length: count }, (_, position) => BigInt(position + 1));
    for (const id of voters) this.#add(id, { ...emptyMembership, voters });
    return [`voters ${voters.join(" ")}`];
  }

  #add(id: NodeId, membership: Membership): void {
    const storage = createMemoryStorage();
    const begun = membership.voters.length > 0;
    if (begun) storage.applySnapshot({ index: 1, term: 1, membership, data: new Uint8Array(0) });
    storage.setHardState({ term: begun ? 1 : 0, vote: undefined, commit: begun ? 1 : 0 });
    const applied = begun ? 1 : 0;
    const node = this.#node(id, storage, applied);
    this.#members.set(id, { node, storage, applied, membership, outstanding: undefined, refuses: false, down: false });
  }

  #node(id: NodeId, storage: MemoryStorage, applied: number): RaftNode {
    return createRaftNode({
      ...defaultLimits,
      ...this.#options,
      id,
      storage,
      applied,
      randomInt: () => Number(id) - 1,
    });
  }

  /** From what its disk has. What was applied stays applied. */
  #restart(id: NodeId): void {
    const member = this.#member(id);
    member.node = this.#node(id, member.storage, member.applied);
    member.down = false;
  }

  #change(member: Member, words: readonly string[]): string {
    const [first = ""] = words;
    const joint = first === "joint-implicit" || first === "joint-explicit";
    const transition: MembershipChange["transition"] = joint ? first : "auto";
    const rest = joint ? words.slice(1) : words;
    const changes: SingleChange[] = [];
    for (let position = 0; position + 1 < rest.length; position += 2) {
      const type = rest[position];
      if (type !== "add-voter" && type !== "add-learner" && type !== "remove")
        throw new Error(`expected a change, found ${type}`);
      const id = BigInt(rest[position + 1] ?? "0");
      changes.push({ type, id });
      if (!this.#members.has(id)) this.#add(id, emptyMembership);
    }
    return member.node.proposeMembership({ transition, changes, context: new Uint8Array(0) });
  }

  #compact(member: Member): void {
    member.storage.createSnapshot(member.applied, member.membership, new Uint8Array(0));
    member.storage.compact(member.applied);
  }

  #begin(id: NodeId): string[] {
    const member = this.#member(id);
    if (member.down || member.outstanding || !member.node.hasReady()) return [];
    const ready = member.node.ready();
    member.outstanding = ready;
    return [...describeReady(id, ready), ...this.#send(member, ready.messages)];
  }

  #finish(id: NodeId): string[] {
    const member = this.#member(id);
    const ready = member.outstanding;
    if (!ready) return [];
    member.outstanding = undefined;
    const lines: string[] = [];
    if (ready.snapshot) {
      member.storage.applySnapshot(ready.snapshot);
      member.applied = ready.snapshot.index;
      member.membership = ready.snapshot.membership;
    }
    member.storage.append(ready.entries);
    if (ready.hardState) member.storage.setHardState(ready.hardState);
    for (const entry of ready.committed) {
      member.applied = entry.index;
      if (entry.kind === "membership") lines.push(this.#applyChange(id, member, entry));
    }
    lines.push(...this.#send(member, ready.messagesAfterSync));
    member.node.advance(ready);
    return lines;
  }

  #applyChange(id: NodeId, member: Member, entry: Entry): string {
    const outcome = member.node.applyMembership(member.refuses ? undefined : decodeMembershipChange(entry.data));
    member.refuses = false;
    if ("refused" in outcome) return `${id} members unchanged: ${outcome.refused}`;
    member.membership = outcome.membership;
    return `${id} members ${describeMembership(outcome.membership)}`;
  }

  #send(member: Member, messages: readonly Message[]): string[] {
    return messages.map((each) => {
      const message = withFreshSnapshot(each, member);
      const lost = this.#cut.has(`${message.from}-${message.to}`);
      if (!lost) this.#inFlight.push(message);
      // The transport owes a word about every snapshot.
      else if (message.type === "snapshot") member.node.reportSnapshot(message.to, false);
      return describeMessage(message) + (lost ? "  (lost)" : "");
    });
  }

  #deliver(from?: NodeId, to?: NodeId): string[] {
    const chosen = (message: Message): boolean => from === undefined || (message.from === from && message.to === to);
    const messages = this.#inFlight.filter(chosen);
    this.#inFlight = this.#inFlight.filter((message) => !chosen(message));
    for (const message of messages) {
      const member = this.#members.get(message.to);
      if (member && !member.down) member.node.step(message);
      if (message.type === "snapshot") this.#members.get(message.from)?.node.reportSnapshot(message.to, !member?.down);
    }
    return [];
  }

  #settle(): string[] {
    const lines: string[] = [];
    for (let round = 0; round < 100; round++) {
      const before = lines.length;
      for (const [id, member] of this.#members) {
        while (!member.down && !member.outstanding && member.node.hasReady())
          lines.push(...this.#begin(id), ...this.#finish(id));
      }
      if (this.#inFlight.length === 0 && lines.length === before) return lines;
      this.#deliver();
    }
    throw new Error("the group did not settle in 100 rounds");
  }
}

function parseOptions(words: readonly string[]): Options {
  const options: { -readonly [K in keyof Options]: Options[K] } = {};
  for (const word of words) {
    const [name, value] = word.split("=");
    if (name === "no-pre-vote") options.preVote = false;
    else if (name === "no-check-quorum") options.checkQuorum = false;
    else if (name === "lease-reads") options.readMode = "lease";
    else if (name === "unanswered-commits") options.answerCommits = false;
    else if (name === "inflight") options.maxInflightMessages = Number(value);
    else if (name === "uncommitted") options.maxUncommittedBytes = Number(value);
    else throw new Error(`expected an option, found ${word}`);
  }
  return options;
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
  return [...lines, ...describeReads(id, ready.readStates)];
}

function describeReads(id: NodeId, reads: Ready["readStates"]): string[] {
  return reads.map(({ context, index }) => `${id} may read ${context} at ${index}`);
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
      return `${head} after=${message.prevTerm}/${message.prevIndex} entries=${describeEntries(message.entries)} commit=${message.commit}${message.unanswered === true ? " unanswered" : ""}`;
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
