// Callers of an apiserver with certificates and tokens of their own, good and bad ones.
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { systemClock } from "@coxswain/clock";
import { openAuthority } from "@coxswain/pki";
import type { KeyPair, LeafRequest } from "@coxswain/pki";
import type { ControlPlane } from "../control-plane.ts";

export const dayMs = 86_400_000;

export type Who = Partial<LeafRequest> & { readonly commonName: string };

export interface Asking {
  readonly as?: KeyPair | undefined;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly method?: string;
  readonly body?: object;
}

export interface Reply {
  readonly status: number;
  readonly message: string;
  readonly reason: string;
  readonly text: string;
}

/** A certificate as of `atMs`, from the cluster's authority or another. */
export async function certificateOf(
  plane: ControlPlane,
  who: Who,
  { atMs = Date.now(), authority }: { readonly atMs?: number; readonly authority?: KeyPair } = {},
): Promise<KeyPair> {
  const ours = (): KeyPair => ({
    certificate: readFileSync(plane.pki.authorityFile("kubernetes-ca"), "utf8"),
    key: readFileSync(plane.pki.authorityKeyFile("kubernetes-ca"), "utf8"),
  });
  const signer = await openAuthority(authority ?? ours(), { ...systemClock, now: () => atMs });
  return signer.issue({ usages: ["client"], validityMs: dayMs, ...who });
}

/** One request, over a connection of its own, as whoever holds the certificate or the token. */
export function askAs(plane: ControlPlane, path: string, asking: Asking = {}): Promise<Reply> {
  const { as, token, headers = {}, method = "GET", body } = asking;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port: plane.servers[0]?.port,
        path,
        method,
        agent: false,
        ca: plane.tls.ca,
        ...(as === undefined ? {} : { cert: as.certificate, key: as.key }),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => {
          const status = text.startsWith("{") ? (JSON.parse(text) as { message?: string; reason?: string }) : {};
          resolve({
            status: response.statusCode ?? 0,
            message: status.message ?? "",
            reason: status.reason ?? "",
            text,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
