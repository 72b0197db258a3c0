// Changes of the group: one voter at a time, or several at once through joint consensus (thesis, 4.1 and 4.3). Pure: takes a
// membership, answers with the next one. A change takes effect when its entry is applied.
import type { Membership, NodeId } from "../entry.ts";
import { sortedIds } from "../quorum/joint.ts";

export interface SingleChange {
  readonly type: "add-voter" | "add-learner" | "remove";
  readonly id: NodeId;
}

export interface MembershipChange {
  /** "auto" uses joint consensus only where more than one voter changes, and leaves it by itself. */
  readonly transition: "auto" | "joint-implicit" | "joint-explicit";
  /** Empty: leave the joint configuration. */
  readonly changes: readonly SingleChange[];
  /** Carried along for the application. */
  readonly context: Uint8Array;
}

export type ChangeOutcome = { readonly membership: Membership } | { readonly refused: string };

export function changeMembership(current: Membership, change: MembershipChange): ChangeOutcome {
  const joint = current.outgoing.length > 0;
  if (change.changes.length === 0)
    return joint ? { membership: leaveJoint(current) } : { refused: "not in a joint configuration" };
  if (joint) return { refused: "a joint configuration must be left first" };
  const draft = applyChanges(current, change.changes);
  if (draft.voters.size === 0) return { refused: "removed all voters" };
  const moved = symmetricDifference(new Set(current.voters), draft.voters);
  const simple = change.transition === "auto" && moved <= 1;
  if (simple) return { membership: freeze(draft, []) };
  const demoted = current.voters.filter((id) => draft.learners.has(id));
  const learners = new Set(Array.from(draft.learners).filter((id) => !demoted.includes(id)));
  return {
    membership: {
      ...freeze({ voters: draft.voters, learners }, current.voters),
      learnersNext: sortedIds(demoted),
      autoLeave: change.transition !== "joint-explicit",
    },
  };
}

function applyChanges(
  current: Membership,
  changes: readonly SingleChange[],
): { voters: Set<NodeId>; learners: Set<NodeId> } {
  const voters = new Set(current.voters);
  const learners = new Set(current.learners);
  for (const { type, id } of changes) {
    voters.delete(id);
    learners.delete(id);
    if (type === "add-voter") voters.add(id);
    if (type === "add-learner") learners.add(id);
  }
  return { voters, learners };
}

function leaveJoint(current: Membership): Membership {
  return freeze(
    { voters: new Set(current.voters), learners: new Set([...current.learners, ...current.learnersNext]) },
    [],
  );
}

function freeze(
  draft: { voters: ReadonlySet<NodeId>; learners: ReadonlySet<NodeId> },
  outgoing: readonly NodeId[],
): Membership {
  return {
    voters: sortedIds(draft.voters),
    outgoing: sortedIds(outgoing),
    learners: sortedIds(draft.learners),
    learnersNext: [],
    autoLeave: false,
  };
}

function symmetricDifference(a: ReadonlySet<NodeId>, b: ReadonlySet<NodeId>): number {
  return a.symmetricDifference(b).size;
}

const types = ["add-voter", "add-learner", "remove"] as const;
const transitions = ["auto", "joint-implicit", "joint-explicit"] as const;

/** The bytes of a membership entry: transition, number of changes, (type, id) each, then the context. */
export function encodeMembershipChange(change: MembershipChange): Uint8Array {
  const bytes = new Uint8Array(3 + change.changes.length * 9 + change.context.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = transitions.indexOf(change.transition);
  view.setUint16(1, change.changes.length);
  for (const [position, { type, id }] of change.changes.entries()) {
    bytes[3 + position * 9] = types.indexOf(type);
    view.setBigUint64(4 + position * 9, id);
  }
  bytes.set(change.context, 3 + change.changes.length * 9);
  return bytes;
}

export function decodeMembershipChange(bytes: Uint8Array): MembershipChange {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(1);
  const changes = Array.from({ length: count }, (_, position): SingleChange => {
    const type = types[view.getUint8(3 + position * 9)];
    if (!type)
      throw new RangeError(`expected a membership change of type 0 to 2, found ${view.getUint8(3 + position * 9)}`);
    return { type, id: view.getBigUint64(4 + position * 9) };
  });
  const transition = transitions[view.getUint8(0)];
  if (!transition) throw new RangeError(`expected a transition of 0 to 2, found ${view.getUint8(0)}`);
  return { transition, changes, context: bytes.subarray(3 + count * 9) };
}
