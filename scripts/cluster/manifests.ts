// Applies the few manifests that a start needs, by server-side apply, so that doing it again changes nothing.
import { readFileSync } from "node:fs";
import { loadAll } from "js-yaml";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { deployments } from "@coxswain/api/apps/v1";
import { configMaps, namespaces, services } from "@coxswain/api/core/v1";
import { storageClasses } from "@coxswain/api/storage/v1";
import type { Client } from "@coxswain/client";
import { Failure } from "./failure.ts";

const known: readonly ResourceDescriptor<ApiObject>[] = [namespaces, configMaps, services, deployments, storageClasses];

export async function applyManifests(client: Client, file: string, signal: AbortSignal): Promise<void> {
  for (const object of loadAll(readFileSync(file, "utf8")) as ApiObject[]) {
    const descriptor = known.find((candidate) => candidate.kind === object.kind);
    const name = object.metadata.name;
    if (!descriptor || name === undefined) throw new Failure(`${file}: a start cannot apply a ${object.kind}`);
    const namespace = object.metadata.namespace;
    const ref = namespace === undefined ? { name } : { namespace, name };
    await client
      .resource(descriptor)
      .patch(ref, object, { type: "apply", fieldManager: "coxswain", force: true, signal });
  }
}
