// The pods' side of the API: objects they refer to, tokens, their status, their end. Objects are asked for one by one, as
// the node's rights allow, and kept for a moment so that many pods that start together ask once.
import {
  configMaps,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  secrets,
  serviceAccounts,
} from "@coxswain/api/core/v1";
import type { Service } from "@coxswain/api/core/v1";
import { runtimeClasses } from "@coxswain/api/node/v1";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { PodApi } from "../../ports.ts";
import { statusPatch } from "./status-patch.ts";

/** An object younger than this is not asked for again. */
const freshMs = 1_000;
const mostKept = 1_000;

export function createPodApi(ports: {
  readonly client: Client;
  readonly clock: Clock;
  readonly services: () => readonly Service[];
}): PodApi {
  const { client, clock } = ports;
  const podClient = client.resource(pods);
  const accounts = client.resource(serviceAccounts);
  const readConfigMap = recentReader(client, configMaps, clock);
  const readSecret = recentReader(client, secrets, clock);
  const readClaim = recentReader(client, persistentVolumeClaims, clock);
  const readRuntimeClass = recentReader(client, runtimeClasses, clock);
  const readVolume = recentReader(client, persistentVolumes, clock);

  return {
    configMap: readConfigMap,
    secret: readSecret,
    claim: readClaim,
    volume: (name, signal) => readVolume(undefined, name, signal),
    runtimeClass: (name, signal) => readRuntimeClass(undefined, name, signal),
    services: ports.services,

    async token(pod, request, signal) {
      const { name, namespace = "", uid = "" } = pod.metadata;
      const body = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: request.audience === "" ? [] : [request.audience],
          expirationSeconds: request.expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      };
      const account = { namespace, name: pod.spec?.serviceAccountName || "default" };
      const answer = await accounts.createSubresource<{
        readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
      }>(account, "token", body, { signal });
      return {
        token: answer.status?.token ?? "",
        expiresAtMs:
          Date.parse(answer.status?.expirationTimestamp ?? "") || clock.now() + request.expirationSeconds * 1000,
      };
    },

    async current(pod, signal) {
      const { name, namespace, uid } = pod.metadata;
      try {
        const now = await podClient.get({ namespace, name }, { signal });
        return now.metadata.uid === uid ? now : undefined;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },

    async writeStatus(pod, status, signal) {
      const { name, namespace, uid } = pod.metadata;
      const patch = { metadata: { uid }, ...statusPatch(pod.status, status) };
      try {
        return await podClient.patch({ namespace, name }, patch, { type: "merge", subresource: "status", signal });
      } catch (error) {
        // Another uid: the pod of this name is not ours any more.
        if (isNotFound(error) || isConflict(error)) return undefined;
        throw error;
      }
    },

    async deletePod(pod, signal) {
      const { name, namespace, uid } = pod.metadata;
      try {
        await podClient.delete(
          { namespace, name },
          { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }), signal },
        );
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    },
  };
}

function recentReader<T extends ApiObject>(
  client: Client,
  descriptor: ResourceDescriptor<T>,
  clock: Clock,
): (namespace: string | undefined, name: string, signal?: AbortSignal) => Promise<T | undefined> {
  const api = client.resource(descriptor);
  const recent = new Map<string, { readonly atMs: number; readonly object: Promise<T | undefined> }>();
  return (namespace, name, signal) => {
    const key = `${namespace ?? ""}/${name}`;
    const kept = recent.get(key);
    if (kept && clock.monotonic() - kept.atMs < freshMs) return kept.object;
    const object = api.get({ namespace, name }, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      recent.delete(key);
      throw error;
    });
    if (recent.size >= mostKept) recent.clear();
    recent.set(key, { atMs: clock.monotonic(), object });
    return object;
  };
}
