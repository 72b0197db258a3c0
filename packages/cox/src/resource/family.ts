// Who owns whom: every object of a namespace (or without one) by its metadata, and the lines between owners and dependants.
import { StatusError } from "@coxswain/apimachinery";
import type { ObjectMeta } from "@coxswain/apimachinery";
import type { Session } from "../session.ts";
import { listObjects } from "./api.ts";
import type { Obj } from "./api.ts";
import type { Descriptor } from "./mapper.ts";

export interface Member {
  readonly descriptor: Descriptor;
  readonly object: Obj;
}

export interface Family {
  /** Owners that are there, and those that are only named. */
  ownersOf(metadata: ObjectMeta): readonly (Member | { readonly missing: string })[];
  /** By kind and name. */
  dependantsOf(uid: string): readonly Member[];
}

const atOnce = 8;
/** Types that own nothing and are owned by nobody, or that are another view of what is told already. */
const passedOver = new Set(["events", "componentstatuses", "endpoints", "leases"]);

/** Reads each listable type once; what may not be read is left out. */
export async function readFamily(session: Session, namespace: string | undefined): Promise<Family> {
  const { discovery } = await session.mapper();
  const waiting = discovery.resources.filter(
    ({ preferred, verbs, descriptor }) =>
      preferred &&
      verbs.includes("list") &&
      !passedOver.has(descriptor.resource) &&
      (namespace !== undefined || !descriptor.namespaced),
  );
  const members: Member[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { descriptor } = next;
      try {
        const { items } = await listObjects(session, descriptor, descriptor.namespaced ? namespace : undefined);
        for (const object of items) members.push({ descriptor, object });
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const byUid = new Map(members.map((member) => [member.object.metadata.uid ?? "", member]));
  const dependants = new Map<string, Member[]>();
  for (const member of byUid.values())
    for (const { uid } of member.object.metadata.ownerReferences ?? [])
      dependants.set(uid, [...(dependants.get(uid) ?? []), member]);
  const order = ({ object }: Member): string => `${object.kind} ${object.metadata.name}`;
  return {
    ownersOf: ({ ownerReferences = [] }) =>
      ownerReferences.map(({ uid, kind, name }) => byUid.get(uid) ?? { missing: `${kind.toLowerCase()}/${name}` }),
    dependantsOf: (uid) => (dependants.get(uid) ?? []).toSorted((left, right) => (order(left) < order(right) ? -1 : 1)),
  };
}
