// POST of a manifest to the agent itself: a pod that runs without the API, kept until it is withdrawn or the machine is
// cleared. Who may do this is decided where all requests are.
import type { HttpsServerPorts } from "@coxswain/daemon";
import { AgentError } from "../../errors.ts";
import { mostManifestBytes } from "../pods/manifest-text.ts";
import type { PodFeed } from "../pods/pod-feed.ts";

type ServerApp = Parameters<NonNullable<HttpsServerPorts["routes"]>>[0];

const textTypes = [
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
  "text/plain",
  "application/x-www-form-urlencoded",
];

export function manifestRoutes(app: ServerApp, feed: Pick<PodFeed, "post" | "withdraw">): void {
  const options = { parseAs: "string" as const, bodyLimit: mostManifestBytes };
  app.addContentTypeParser(textTypes, options, (_request, body, done) => done(null, body));

  app.post<{ Body: unknown }>("/pods", { bodyLimit: mostManifestBytes }, async (request, reply) => {
    const text = typeof request.body === "string" ? request.body : JSON.stringify(request.body ?? null);
    try {
      const names = await feed.post(text);
      return await reply.code(201).send({ accepted: names });
    } catch (error) {
      if (!(error instanceof AgentError && error.code === "manifest")) throw error;
      return reply.code(422).type("text/plain").send(`${error.message}\n`);
    }
  });

  app.delete<{ Params: { readonly namespace: string; readonly pod: string } }>(
    "/pods/:namespace/:pod",
    async (request, reply) => {
      const { namespace, pod } = request.params;
      if (await feed.withdraw(namespace, pod)) return reply.code(200).send({ withdrawn: `${namespace}/${pod}` });
      return reply.code(404).type("text/plain").send(`no manifest of ${namespace}/${pod} was posted\n`);
    },
  );
}
