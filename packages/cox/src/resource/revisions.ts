// The revisions of a workload: replica sets of a deployment, controller revisions of stateful and daemon sets; the oldest first.
import { applyStrategicMerge, isJsonObject } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Session } from "../session.ts";
import { listObjects } from "./api.ts";
import type { Obj } from "./api.ts";
import type { Info } from "./builder.ts";

export interface Template {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

export interface Revision {
  readonly number: number;
  readonly cause: string;
  readonly template: Template;
}

const cause = (object: Obj): string => object.metadata.annotations?.["kubernetes.io/change-cause"] ?? "";

export async function revisionsOf(session: Session, info: Info): Promise<Revision[]> {
  const mapper = await session.mapper();
  const owned = async (type: string): Promise<Obj[]> => {
    const list = await listObjects(session, await mapper.find(type), info.namespace);
    return list.items.filter(
      (item) =>
        item.metadata.ownerReferences?.some(
          ({ uid, controller }) => uid === info.object.metadata.uid && controller === true,
        ) === true,
    );
  };
  let revisions: Revision[];
  if (info.descriptor.kind === "Deployment") {
    revisions = (await owned("replicasets.apps")).map((set) => ({
      number: Number(set.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0),
      cause: cause(set),
      template: (set["spec"] as { template: Template }).template,
    }));
  } else if (["StatefulSet", "DaemonSet"].includes(info.descriptor.kind)) {
    revisions = (await owned("controllerrevisions.apps")).map((revision) => {
      const data = revision["data"];
      const merged = isJsonObject(data) ? applyStrategicMerge(undefined, { spec: {} }, data) : {};
      const template = (merged["spec"] as { template?: Template & { $patch?: string } } | undefined)?.template ?? {};
      const { $patch: _directive, ...plain } = template as Template & { $patch?: string };
      return { number: Number(revision["revision"]), cause: cause(revision), template: plain };
    });
  } else
    throw new CommandError(
      `no history viewer has been implemented for "${info.descriptor.kind}.${info.descriptor.group}"`,
    );
  return revisions.toSorted((left, right) => left.number - right.number);
}
