// Who may use the agent's server: a client certificate of the cluster's authority or a bearer token says who it is, the API
// server says (TokenReview, SubjectAccessReview) whether it may. Answers are kept for a while, as the kubelet keeps them.
// The API server's own certificate name is let in without a question: it has judged its callers itself.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { subjectAccessReviews } from "@coxswain/api/authorization/v1";
import { tokenReviews } from "@coxswain/api/authentication/v1";
import type { UserInfo } from "@coxswain/api/authentication/v1";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import { verifiedPeer } from "@coxswain/daemon";
import type { Logger, Refusal } from "@coxswain/daemon";
import { accessOf, forbiddenText } from "../../core/authorization/subresources.ts";
import { createRecent } from "./recent.ts";

export interface GateSettings {
  readonly nodeName: string;
  /** Common names that are let in without a question. */
  readonly trustedNames: readonly string[];
  readonly anonymous: boolean;
  /** Whether bearer tokens are shown to the API server. */
  readonly tokens: boolean;
  readonly authorization: "Webhook" | "AlwaysAllow";
  readonly tokenTtlMs: number;
  readonly allowedTtlMs: number;
  readonly deniedTtlMs: number;
}

const mostKept = 1_000;
const anonymousUser: UserInfo = { username: "system:anonymous", groups: ["system:unauthenticated"] };
const unauthorized: Refusal = { status: 401, text: "Unauthorized" };

export function createGate(
  settings: GateSettings,
  ports: { readonly client: Pick<Client, "resource">; readonly clock: Clock; readonly log: Logger },
): (request: IncomingMessage) => Promise<Refusal | undefined> {
  const reviews = ports.client.resource(subjectAccessReviews);
  const tokens = ports.client.resource(tokenReviews);
  const known = createRecent<UserInfo | undefined>(mostKept, ports.clock);
  const verdicts = createRecent<boolean>(mostKept, ports.clock);

  const userOf = async (request: IncomingMessage): Promise<UserInfo | undefined> => {
    const peer = verifiedPeer(request);
    if (peer) return { username: peer.commonName, groups: [...peer.organizations, "system:authenticated"] };
    const [, token] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (token !== undefined && settings.tokens)
      // The token itself is not kept.
      return known.get(createHash("sha256").update(token).digest("hex"), async () => {
        const { status } = await tokens.create({
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenReview",
          metadata: { name: "" },
          spec: { token },
        });
        const user = status?.authenticated ? status.user : undefined;
        return { value: user, ttlMs: settings.tokenTtlMs };
      });
    return settings.anonymous && request.headers.authorization === undefined ? anonymousUser : undefined;
  };

  const isAllowed = (user: UserInfo, verb: string, subresource: string): Promise<boolean> => {
    const { username = "", uid, groups = [], extra } = user;
    return verdicts.get(JSON.stringify([user, verb, subresource]), async () => {
      const { status } = await reviews.create({
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        metadata: { name: "" },
        spec: {
          user: username,
          groups: [...groups],
          ...(uid === undefined ? {} : { uid }),
          ...(extra === undefined ? {} : { extra }),
          resourceAttributes: { version: "v1", resource: "nodes", name: settings.nodeName, verb, subresource },
        },
      });
      const allowed = status?.allowed === true;
      return { value: allowed, ttlMs: allowed ? settings.allowedTtlMs : settings.deniedTtlMs };
    });
  };

  return async (request) => {
    let user: UserInfo | undefined;
    try {
      user = await userOf(request);
    } catch (error) {
      ports.log.warn({ err: error }, "a bearer token could not be reviewed");
    }
    if (!user) return unauthorized;
    const name = user.username ?? "";
    if (settings.authorization === "AlwaysAllow") return undefined;
    if (settings.trustedNames.includes(name) && verifiedPeer(request)) return undefined;
    const access = accessOf(request.method ?? "", new URL(request.url ?? "/", "https://agent").pathname);
    try {
      for (const subresource of access.subresources)
        if (await isAllowed(user, access.verb, subresource)) return undefined;
    } catch (error) {
      ports.log.warn({ err: error, user: name }, "the API server could not be asked for a right");
      const { verb, subresources } = access;
      return {
        status: 500,
        text: `Authorization error (user=${name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}])\n`,
      };
    }
    return { status: 403, text: forbiddenText(name, access) };
  };
}
