// The typed half of a client over its untyped half: resources, metadata, logs, discovery, for whoever can send a request.
import { pods } from "@coxswain/api/core/v1";
import type { Random } from "@coxswain/clock";
import type { Client, LogOptions, ObjectRef } from "./client.ts";
import { readDiscovery } from "./discovery.ts";
import { objectPath } from "./path.ts";
import { createResourceClient } from "./resource-client.ts";

/** What sends requests, and under which name. */
export type Sender = Pick<Client, "request" | "stream" | "connect" | "upgrade" | "server" | "namespace" | "close">;

export function withVerbs(sender: Sender, ports: { readonly random?: Pick<Random, "next"> }): Client {
  const jitter = (): number => ports.random?.next() ?? 0;
  return {
    ...sender,
    resource: (descriptor) => createResourceClient(sender, descriptor, jitter),
    metadata: (descriptor) => createResourceClient(metadataOnly(sender), descriptor, jitter),
    logs: (ref, options) => readLogs(sender, ref, options ?? {}),
    discover: (signal) => readDiscovery(sender, signal),
  };
}

/** The first form is for lists, the second for single objects; a server that knows neither sends the whole. */
const partial =
  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

function metadataOnly(client: Sender): Pick<Client, "request" | "stream"> {
  return {
    request: (request) => client.request({ ...request, accept: partial }),
    stream: (request) => client.stream({ ...request, accept: partial }),
  };
}

async function* readLogs(client: Sender, ref: ObjectRef, options: LogOptions): AsyncGenerator<Uint8Array> {
  const { signal, ...query } = options;
  const response = await client.stream({
    method: "GET",
    path: objectPath(pods, { namespace: ref.namespace ?? client.namespace, name: ref.name }, "log"),
    query,
    accept: "*/*",
    signal,
  });
  yield* response.body;
}
