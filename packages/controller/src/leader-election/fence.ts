// A client that writes only while its owner leads. The question is asked at the moment of sending, so that a leader that was
// paused or cut off cannot act on what it decided before. What was sent in the last instant may still arrive late: the lease is
// five seconds longer than the renew deadline, to let it.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Client, ResourceClient } from "@coxswain/client";

export class NotLeadingError extends Error {
  override readonly name = "NotLeadingError";
  constructor() {
    super("this instance does not lead and must not write");
  }
}

export function fenceClient(client: Client, isLeading: () => boolean): Client {
  const check = (): void => {
    if (!isLeading()) throw new NotLeadingError();
  };
  const fenceResource = <T extends ApiObject>(resource: ResourceClient<T>): ResourceClient<T> => ({
    ...resource,
    create: async (...call) => (check(), resource.create(...call)),
    update: async (...call) => (check(), resource.update(...call)),
    patch: async (...call) => (check(), resource.patch(...call)),
    delete: async (...call) => (check(), resource.delete(...call)),
    deleteCollection: async (...call) => (check(), resource.deleteCollection(...call)),
    createSubresource: async (ref, name, body, options) => (
      check(),
      resource.createSubresource(ref, name, body, options)
    ),
  });
  return {
    ...client,
    resource: (descriptor) => fenceResource(client.resource(descriptor)),
    metadata: (descriptor) => fenceResource(client.metadata(descriptor)),
    request: async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") check();
      return client.request(request);
    },
  };
}
