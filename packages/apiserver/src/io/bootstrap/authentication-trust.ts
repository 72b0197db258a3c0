// Tells servers of other groups whom this one believes: the ConfigMap `extension-apiserver-authentication` of kube-system, by which they know
// client certificates and the proxy that passes requests on to them. What other apiservers have put there stays; what is missing is added.
import { X509Certificate } from "node:crypto";
import type { ConfigMap } from "@coxswain/api/core/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import { jsonEqual } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { RequestHeaderConfig } from "../../core/authn/request-header.ts";
import type { ObjectWriter } from "../../core/request.ts";
import { periodically } from "../periodically.ts";

export interface AuthenticationTrust {
  readonly clientCa: string | undefined;
  readonly requestHeader: (RequestHeaderConfig & { readonly ca: string }) | undefined;
}

const place = { group: "", resource: "configmaps" } as const;
const namespace = "kube-system";
const name = "extension-apiserver-authentication";
/** As often as Kubernetes looks. */
const lookEveryMs = 60_000;

export function createAuthenticationTrust(ports: {
  readonly objects: ObjectWriter;
  /** As the files say it now. */
  readonly trust: () => AuthenticationTrust;
  readonly clock: Clock;
  readonly log: Logger;
}): Component {
  const { objects, clock, log } = ports;
  const keep = async (): Promise<void> => {
    const trust = ports.trust();
    const fresh: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data: trustData(trust, {}, clock.now()),
    };
    if (await objects.createIfAbsent(place, fresh)) return;
    await objects.update(place, namespace, name, (current) => {
      const data = trustData(trust, dataOf(current), clock.now());
      return jsonEqual(data, dataOf(current)) ? undefined : ({ ...current, data } as ApiObject);
    });
  };
  const again = periodically(lookEveryMs, clock, keep, (err) =>
    log.warn({ err }, `configmap ${namespace}/${name} could not be kept; tried again soon`),
  );
  return {
    async start(signal) {
      await keep();
      await again.start(signal);
    },
    ready: () => [],
    stop: () => again.stop(),
  };
}

type Data = Readonly<Record<string, string>>;

function dataOf(object: ApiObject): Data {
  return (object as ConfigMap).data ?? {};
}

/** What the map should say, given what it says: authorities and names of several apiservers stand together, dead certificates go. */
export function trustData({ clientCa, requestHeader }: AuthenticationTrust, said: Data, nowMs: number): Data {
  const list = (key: string, own: readonly string[]): string =>
    JSON.stringify([...new Set([...listIn(said[key]), ...own])]);
  return {
    ...said,
    ...(clientCa !== undefined && { "client-ca-file": bundle(said["client-ca-file"], clientCa, nowMs) }),
    ...(requestHeader && {
      "requestheader-client-ca-file": bundle(said["requestheader-client-ca-file"], requestHeader.ca, nowMs),
      "requestheader-allowed-names": list("requestheader-allowed-names", requestHeader.allowedNames),
      "requestheader-username-headers": list("requestheader-username-headers", requestHeader.username),
      "requestheader-uid-headers": list("requestheader-uid-headers", requestHeader.uid),
      "requestheader-group-headers": list("requestheader-group-headers", requestHeader.group),
      "requestheader-extra-headers-prefix": list("requestheader-extra-headers-prefix", requestHeader.extraPrefix),
    }),
  };
}

function listIn(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  } catch {
    return []; // Somebody wrote something else: ours is put in its place.
  }
}

function bundle(said: string | undefined, own: string, nowMs: number): string {
  const blocks = [...certificatesIn(said ?? ""), ...certificatesIn(own)];
  return `${[...new Set(blocks)].filter((block) => isAlive(block, nowMs)).join("\n")}\n`;
}

function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

function isAlive(block: string, nowMs: number): boolean {
  try {
    return new X509Certificate(block).validToDate.getTime() > nowMs;
  } catch {
    return false;
  }
}
