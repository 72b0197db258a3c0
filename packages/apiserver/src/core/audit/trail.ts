// What is to be told of one request in the audit log, gathered while it passes, and told at each of its stages as an Event of audit.k8s.io/v1. How
// much is told was decided before. After apiserver's `audit/request.go`; it writes nothing itself.
import { parseJson } from "@coxswain/apimachinery";
import type { ApiObject, Status } from "@coxswain/apimachinery";
import { rfc3339Micro } from "@coxswain/clock";
import { isLongRunning } from "../request-info.ts";
import type { RequestInfo, UserInfo } from "../request.ts";
import type { AuditDecision, AuditStage } from "./policy.ts";

export interface AuditFacts {
  readonly auditId: string;
  readonly requestUri: string;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
  readonly receivedMs: number;
}

/** What came of a request. `text` gives the JSON of what was answered, where that is an object of the API. */
export interface AuditOutcome {
  readonly code: number;
  /** The answer is one. */
  readonly status?: Partial<Status> | undefined;
  readonly text?: (() => string) | undefined;
}

export interface AuditPorts {
  /** An event as one line of JSON. */
  readonly write: (line: string) => Promise<void>;
  readonly now: () => number;
}

/** A reference is completed by what a body says of itself. */
interface ObjectReference {
  resource: string;
  namespace?: string | undefined;
  name?: string | undefined;
  uid?: string | undefined;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string | undefined;
  subresource?: string;
}

export class AuditTrail {
  readonly #facts: AuditFacts;
  readonly #decision: AuditDecision;
  readonly #ports: AuditPorts;
  readonly #reference: ObjectReference | undefined;
  readonly #annotations: Record<string, string> = {};
  #impersonated: UserInfo | undefined;
  #request: string | undefined;
  #response: string | undefined;
  #status: object | undefined;
  #isStarted = false;

  constructor(facts: AuditFacts, decision: AuditDecision, ports: AuditPorts) {
    this.#facts = facts;
    this.#decision = decision;
    this.#ports = ports;
    this.#reference = facts.info.isResourceRequest ? referenceOf(facts.info) : undefined;
  }

  /** Whether more than metadata is told. */
  get isWhole(): boolean {
    return this.#decision.level === "Request" || this.#decision.level === "RequestResponse";
  }

  impersonated(user: UserInfo): void {
    this.#impersonated = user;
  }

  /** The first value of a key stays. */
  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value;
  }

  /** What the client has sent: the object as it was decoded, or a patch. It may be changed afterwards. */
  requested(value: unknown): void {
    const metadata = metadataOf(value);
    if (this.#reference && metadata) {
      this.#reference.namespace ??= metadata.namespace;
      this.#reference.name ??= metadata.name;
      this.#reference.uid ??= metadata.uid;
      this.#reference.resourceVersion ??= metadata.resourceVersion;
    }
    if (this.isWhole) this.#request = this.#shown(JSON.stringify(value));
  }

  received(): Promise<void> {
    return this.#write("RequestReceived");
  }

  /** Of requests that last: their answer has begun. */
  started(code: number): void {
    this.#status ??= { metadata: {}, code };
    this.#isStarted = true;
    void this.#write("ResponseStarted");
  }

  completed({ code, status, text }: AuditOutcome): void {
    this.#status = status ? shownStatus(status, code) : { metadata: {}, code };
    if (isLongRunning(this.#facts.info) && !this.#isStarted) this.started(code);
    if (this.#decision.level === "RequestResponse" && this.#facts.info.isResourceRequest) {
      const answered = status ? JSON.stringify(status) : text?.();
      this.#response = answered === undefined ? undefined : this.#shown(answered);
    }
    void this.#write("ResponseComplete");
  }

  /** Nobody knows who asked. */
  async stranger(message: string): Promise<void> {
    this.#status = { metadata: {}, status: "Failure", message, reason: "Unauthorized", code: 401 };
    await this.#write("ResponseStarted");
  }

  #shown(text: string): string {
    return this.#decision.omitManagedFields ? withoutManagedFields(text) : text;
  }

  async #write(stage: AuditStage): Promise<void> {
    if (this.#decision.omitStages.has(stage)) return;
    const { auditId, requestUri, info, user, sourceIps, userAgent, receivedMs } = this.#facts;
    const event = {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: this.#decision.level,
      auditID: auditId,
      stage,
      requestURI: requestUri,
      verb: info.verb,
      user: shownUser(user),
      ...(this.#impersonated && { impersonatedUser: shownUser(this.#impersonated) }),
      sourceIPs: sourceIps,
      ...(userAgent !== "" && { userAgent }),
      ...(this.#reference && { objectRef: this.#reference }),
      ...(this.#status && { responseStatus: this.#status }),
    };
    const rest = {
      requestReceivedTimestamp: rfc3339Micro(receivedMs),
      stageTimestamp: rfc3339Micro(stage === "RequestReceived" ? receivedMs : this.#ports.now()),
      ...(Object.keys(this.#annotations).length > 0 && { annotations: this.#annotations }),
    };
    // Objects are texts already.
    const objects =
      (this.#request === undefined ? "" : `"requestObject":${this.#request},`) +
      (this.#response === undefined ? "" : `"responseObject":${this.#response},`);
    await this.#ports.write(`${JSON.stringify(event).slice(0, -1)},${objects}${JSON.stringify(rest).slice(1)}\n`);
  }
}

function referenceOf(info: RequestInfo): ObjectReference {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
  return {
    resource,
    ...(namespace !== "" && { namespace }),
    ...(name !== "" && { name }),
    ...(apiGroup !== "" && { apiGroup }),
    ...(apiVersion !== "" && { apiVersion }),
    ...(subresource !== "" && { subresource }),
  };
}

function shownUser({ username, uid, groups, extra }: UserInfo): object {
  return {
    username,
    ...(uid !== undefined && uid !== "" && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra && Object.keys(extra).length > 0 && { extra }),
  };
}

function shownStatus({ status, message, reason, details }: Partial<Status>, code: number): object {
  return {
    metadata: {},
    ...(status && { status }),
    ...(message && { message }),
    ...(reason && { reason }),
    ...(details && { details }),
    code,
  };
}

function metadataOf(value: unknown): Partial<ApiObject["metadata"]> | undefined {
  if (typeof value !== "object" || value === null || !("metadata" in value)) return undefined;
  const { metadata } = value;
  return typeof metadata === "object" && metadata !== null ? metadata : undefined;
}

/** Of an object, or of each of a list's. */
function withoutManagedFields(text: string): string {
  if (!text.includes('"managedFields"')) return text;
  const value = parseJson(text);
  const strip = (object: unknown): void => {
    const metadata = metadataOf(object);
    if (metadata) delete metadata.managedFields;
  };
  strip(value);
  const { items } = value as { readonly items?: unknown };
  if (Array.isArray(items)) items.forEach(strip);
  return JSON.stringify(value);
}
