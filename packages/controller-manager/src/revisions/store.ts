// Writes the history that revisions.ts decides on.
import { controllerRevisions } from "@coxswain/api/apps/v1";
import type { ControllerRevision } from "@coxswain/api/apps/v1";
import type { PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isAlreadyExists, isNotFound } from "@coxswain/client";
import { createOwnWrites } from "@coxswain/controller";
import { templateHash } from "../controllers/deployment/template.ts";
import type { ControllerPorts } from "../loop/controller.ts";
import { controllerReference } from "../ownership/adopt.ts";
import type { Owner } from "../ownership/adopt.ts";
import { planRevision, revisionData, revisionLabel, surplusRevisions } from "./revisions.ts";
import type { ReadonlyRevision } from "./revisions.ts";

export interface RevisionStore {
  /** The owner's revisions, and the one of its template; undefined when one was just written and will wake the owner. */
  current(
    key: string,
    owner: Owner,
    template: DeepReadonly<PodTemplateSpec>,
    collisionCount: number,
    signal: AbortSignal,
  ): Promise<{ readonly current: ReadonlyRevision; readonly all: readonly ReadonlyRevision[] } | undefined>;
  removeSurplus(
    key: string,
    all: readonly ReadonlyRevision[],
    inUse: ReadonlySet<string>,
    limit: number,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createRevisionStore(ports: ControllerPorts): RevisionStore {
  const informer = ports.informers.controllerRevisions();
  const client = ports.client.resource(controllerRevisions);
  const writes = createOwnWrites(informer);
  return {
    async current(key, owner, template, collisionCount, signal) {
      if (!writes.areSeen(key)) return undefined;
      const all = informer.byIndex("owner", owner.object.metadata.uid ?? "");
      const step = planRevision(template, all);
      switch (step.kind) {
        case "current":
          return { current: step.revision, all };
        case "renumber": {
          const written = await client.update({ ...step.revision, revision: step.number }, { signal });
          writes.wrote(key, written as ReadonlyRevision);
          return undefined;
        }
        case "create": {
          const hash = templateHash(template, collisionCount);
          const revision = revisionObject(owner, template, hash, step.number);
          try {
            writes.wrote(key, (await client.create(revision, { signal })) as ReadonlyRevision);
          } catch (error) {
            if (!isAlreadyExists(error)) throw error;
            // Made by an attempt whose answer was lost, and on its way to the cache.
            const { namespace, name } = revision.metadata;
            writes.wrote(key, (await client.get({ namespace, name }, { signal })) as ReadonlyRevision);
          }
          return undefined;
        }
      }
    },
    async removeSurplus(key, all, inUse, limit, signal) {
      for (const revision of surplusRevisions(all, inUse, limit)) {
        const { namespace, name } = revision.metadata;
        await client.delete({ namespace, name }, { signal }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        writes.deleted(key, revision);
      }
    },
  };
}

function revisionObject(
  owner: Owner,
  template: DeepReadonly<PodTemplateSpec>,
  hash: string,
  number: number,
): DeepReadonly<ControllerRevision> {
  const { name, namespace } = owner.object.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name.slice(0, 240)}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, [revisionLabel]: hash },
      annotations: owner.object.metadata.annotations,
      ownerReferences: [controllerReference(owner)],
    },
    data: revisionData(template),
    revision: number,
  };
}
