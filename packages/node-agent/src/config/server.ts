// Flags of the agent's server: its certificates, the node's own certificate, and who may use it.
import { join } from "node:path";
import { UsageError, defineFlags } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import type { GateSettings } from "../io/server/gate.ts";

export const serverFlags = defineFlags({
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address that the server listens on" },
  "secure-port": { type: "number", default: 10250, help: "Port of the HTTPS server" },
  port: { type: "number", help: "The kubelet's name for --secure-port" },
  "tls-cert-file": {
    type: "string",
    help: "Certificate of the server; without it the agent has one of its own in --cert-dir",
  },
  "tls-private-key-file": { type: "string", help: "Key of the server's certificate" },
  "bootstrap-kubeconfig": {
    type: "string",
    help: "Asks for a client certificate when the file of --kubeconfig is missing or its certificate has expired; then writes --kubeconfig",
  },
  "cert-dir": { type: "string", help: "Directory of the agent's own certificates; pki in --root-dir if not given" },
  "rotate-certificates": {
    type: "boolean",
    default: true,
    help: "Renew the node's client certificate by a request to the cluster",
  },
  "rotate-server-certificates": {
    type: "boolean",
    default: false,
    help: "Ask the cluster for the server's certificate and renew it; needs an approver, and no --tls-cert-file",
  },
  "certificate-renewal-share": {
    type: "number",
    default: 0.33,
    help: "Share of a certificate's life after which the next one is asked for",
  },
  "client-ca-file": { type: "string", required: true, help: "Authority whose client certificates may be let in" },
  "authorized-client": {
    type: "list",
    default: ["kube-apiserver-kubelet-client"],
    help: "Names of client certificates that may use the whole server without the API server being asked",
  },
  "anonymous-auth": { type: "boolean", default: false, help: "Let in who shows nothing, as system:anonymous" },
  "authentication-token-webhook": {
    type: "boolean",
    default: true,
    help: "Take bearer tokens, judged by the API server",
  },
  "authentication-token-webhook-cache-ttl": {
    type: "duration",
    default: "2m",
    help: "How long a judged token is remembered",
  },
  "authorization-mode": { type: "string", default: "Webhook", help: "Webhook (ask the API server) or AlwaysAllow" },
  "authorization-webhook-cache-authorized-ttl": {
    type: "duration",
    default: "5m",
    help: "How long a granted right is remembered",
  },
  "authorization-webhook-cache-unauthorized-ttl": {
    type: "duration",
    default: "30s",
    help: "How long a refused right is remembered",
  },
});

export interface ServerConfig {
  readonly server: { readonly host: string; readonly port: number; readonly clientCaFile: string };
  readonly certificates: {
    readonly directory: string;
    readonly bootstrapKubeconfig: string | undefined;
    readonly rotateClient: boolean;
    readonly rotateServing: boolean;
    /** The share of a certificate's life after which the next one is asked for. */
    readonly share: number;
    readonly given: { readonly certFile: string; readonly keyFile: string } | undefined;
  };
  readonly gate: Omit<GateSettings, "nodeName">;
}

export function readServerConfig(values: FlagValues<typeof serverFlags>, rootDirectory: string): ServerConfig {
  const certFile = values["tls-cert-file"];
  const keyFile = values["tls-private-key-file"];
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UsageError("--tls-cert-file and --tls-private-key-file belong together");
  const share = values["certificate-renewal-share"];
  if (share <= 0 || share >= 1)
    throw new UsageError(`--certificate-renewal-share: expected more than 0 and less than 1, found ${share}`);
  const authorization = values["authorization-mode"];
  if (authorization !== "Webhook" && authorization !== "AlwaysAllow")
    throw new UsageError(
      `--authorization-mode: expected Webhook or AlwaysAllow, found ${JSON.stringify(authorization)}`,
    );
  return {
    server: {
      host: values["bind-address"],
      port: values.port ?? values["secure-port"],
      clientCaFile: values["client-ca-file"],
    },
    certificates: {
      directory: values["cert-dir"] ?? join(rootDirectory, "pki"),
      bootstrapKubeconfig: values["bootstrap-kubeconfig"],
      rotateClient: values["rotate-certificates"],
      rotateServing: values["rotate-server-certificates"],
      share,
      given: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    },
    gate: {
      trustedNames: values["authorized-client"],
      anonymous: values["anonymous-auth"],
      tokens: values["authentication-token-webhook"],
      authorization,
      tokenTtlMs: values["authentication-token-webhook-cache-ttl"],
      allowedTtlMs: values["authorization-webhook-cache-authorized-ttl"],
      deniedTtlMs: values["authorization-webhook-cache-unauthorized-ttl"],
    },
  };
}
