// What a person probably meant by a name or a namespace that is not there: one short question to the server, only for people (on a terminal),
// with little patience, and silence where it may not be asked. What a script reads stays kubectl's words. Kinds, commands and flags are guessed where they are read.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { nearest, StatusError } from "@coxswain/apimachinery";
import { call, pathOf } from "./resource/api.ts";
import type { Descriptor } from "./resource/mapper.ts";
import type { Session } from "./session.ts";

const patienceMs = 1_500;
const mostNames = 500;
const shownNames = 3;
const namespaces = { group: "", version: "v1", resource: "namespaces", kind: "Namespace", namespaced: false } as const;

/** Lines to stand below the failure, or "". Throws nothing. */
export async function guessAfter(error: unknown, session: Session): Promise<string> {
  if (error instanceof StatusError && error.status.code === 401) return endOfCertificate(session);
  const missing = missingObject(error);
  if (!session.err.isTerminal || missing === undefined) return "";
  const { kind = "", group, name = "" } = missing.status.details ?? {};
  return patiently(session, async (asking) => {
    const descriptor = await (await asking.mapper()).lookup(group ? `${kind}.${group}` : kind);
    if (descriptor === undefined) return "";
    const near = didYouMean(alike(name, await namesOf(asking, descriptor, asking.namespace)));
    if (near !== "" || !descriptor.namespaced) return near;
    const unknown = await unknownNamespace(asking);
    if (unknown !== "") return unknown;
    const [elsewhere] = await named(asking, descriptor, name);
    return elsewhere === undefined ? "" : `There is one in the namespace ${elsewhere}: -n ${elsewhere}\n`;
  });
}

/** For an empty list: says so when the namespace that was asked for does not exist. */
export async function guessAfterNothing(session: Session): Promise<string> {
  if (!session.err.isTerminal || !session.namespaceGiven) return "";
  return patiently(session, unknownNamespace);
}

/** Who is not let in may have been, until lately. */
function endOfCertificate(session: Session): string {
  const { cert } = session.clientConfig();
  if (cert === undefined) return "";
  const { validToDate } = new X509Certificate("file" in cert ? readFileSync(cert.file) : cert.data);
  if (validToDate.getTime() > session.clock.now()) return "";
  return `The certificate of the kubeconfig ended at ${validToDate.toISOString()}: ask an administrator for a new one.\n`;
}

/** The server's refusal, which commands wrap in kubectl's words. */
function missingObject(error: unknown): StatusError | undefined {
  if (error instanceof AggregateError) return error.errors.map(missingObject).find((each) => each !== undefined);
  if (!(error instanceof StatusError)) return error instanceof Error ? missingObject(error.cause) : undefined;
  const { code, details } = error.status;
  return code === 404 && details?.kind && details.name ? error : undefined;
}

async function unknownNamespace(session: Session): Promise<string> {
  const known = await namesOf(session, namespaces, undefined);
  if (known.length >= mostNames || known.includes(session.namespace)) return "";
  return `There is no namespace ${session.namespace}.\n${didYouMean(alike(session.namespace, known))}`;
}

/** One that is misspelt, or a few that begin as was typed: generated names are seldom typed to their end. */
function alike(typed: string, known: readonly string[]): readonly string[] {
  const near = nearest(typed, known);
  if (near !== undefined) return [near];
  return typed === "" ? [] : known.filter((each) => each.startsWith(typed)).slice(0, shownNames);
}

const didYouMean = (names: readonly string[]): string =>
  names.length === 0 ? "" : `Did you mean this?\n${names.map((each) => `\t${each}\n`).join("")}`;

interface Named {
  readonly items?: readonly { readonly metadata: { readonly name: string; readonly namespace?: string } }[];
}

const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

async function namesOf(
  session: Session,
  descriptor: Pick<Descriptor, "group" | "version" | "resource" | "kind" | "namespaced">,
  namespace: string | undefined,
): Promise<readonly string[]> {
  const path = pathOf(descriptor, namespace);
  const list = await call<Named>(session, { method: "GET", path, query: { limit: mostNames }, accept: metadataOnly });
  return (list.items ?? []).map(({ metadata }) => metadata.name);
}

/** The namespaces that have an object of this name. */
async function named(session: Session, descriptor: Descriptor, name: string): Promise<readonly string[]> {
  const query = { fieldSelector: `metadata.name=${name}`, limit: 1 };
  const list = await call<Named>(session, {
    method: "GET",
    path: pathOf(descriptor, undefined),
    query,
    accept: metadataOnly,
  });
  return (list.items ?? []).flatMap(({ metadata }) => metadata.namespace ?? []);
}

async function patiently(session: Session, ask: (session: Session) => Promise<string>): Promise<string> {
  const late = new AbortController();
  const timer = session.clock.setTimeout(() => late.abort(), patienceMs);
  try {
    // Not `{...session}`: that would open what nobody has asked for yet.
    const asking = Object.create(session, {
      signal: { value: AbortSignal.any([session.signal, late.signal]) },
    }) as Session;
    return await ask(asking);
  } catch {
    return ""; // not permitted, too slow or unreachable: the failure itself has been told
  } finally {
    timer.cancel();
  }
}
