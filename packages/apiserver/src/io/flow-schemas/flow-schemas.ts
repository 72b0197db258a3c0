// Keeps the default flow schemas and priority levels there, says in each schema's status whether its level exists, and tells of a request
// which schema it belongs to. Requests are not queued by it: that is `io/fairness`' business.
import type { FlowSchema, PriorityLevelConfiguration } from "@coxswain/api/flowcontrol/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Timer } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import { classify, inOrder } from "../../core/flow-schemas/classify.ts";
import { withDangling } from "../../core/flow-schemas/dangling.ts";
import { defaultLevels, defaultSchemas, mended } from "../../core/flow-schemas/defaults.ts";
import type { ObjectView, ObjectWriter, RequestInfo, UserInfo } from "../../core/request.ts";

const group = "flowcontrol.apiserver.k8s.io";
const levelResource = { group, resource: "prioritylevelconfigurations" } as const;
const schemaResource = { group, resource: "flowschemas" } as const;
/** As often as Kubernetes does. */
const keepEveryMs = 60_000;

/** By whose rules a request goes. */
export interface FlowMatch {
  /** Uids, as the headers of answers have them. */
  readonly schema: string;
  readonly level: string;
  readonly schemaName: string;
  readonly levelName: string;
  /** What makes flows of the schema's requests; undefined: all are one. */
  readonly by: string | undefined;
}

export interface FlowSchemas extends Component {
  /** Undefined while they are not known. */
  classify(info: RequestInfo, user: UserInfo): FlowMatch | undefined;
  levels(): readonly PriorityLevelConfiguration[];
  /** Called after every change of a schema or level. */
  onChange(listener: () => void): void;
}

export function createFlowSchemas(ports: {
  readonly objects: ObjectWriter;
  readonly clock: Clock;
  readonly log: Logger;
}): FlowSchemas {
  const { objects, clock, log } = ports;
  const aborter = new AbortController();
  /** Undefined when something has changed: put in order again when the next request comes. */
  let ordered: readonly FlowSchema[] | undefined = [];
  let named = new Map<FlowSchema, FlowMatch>();
  let timer: Timer | undefined;
  let working: Promise<void> = Promise.resolve();
  let isDue = false;
  const listeners: (() => void)[] = [];
  let ends: readonly (() => void)[] = [];
  const schemas = (): ObjectView => objects.view(schemaResource);
  const levels = (): ObjectView => objects.view(levelResource);
  const all = (): readonly FlowSchema[] => [...schemas().list()].filter(isSchema);

  const keepDefaults = async (): Promise<void> => {
    await Promise.all(defaultLevels.map((level) => ensure(objects, levelResource, level, isLevel)));
    await Promise.all(defaultSchemas.map((schema) => ensure(objects, schemaResource, schema, isSchema)));
  };
  const sayWhatDangles = async (): Promise<void> => {
    const hasLevel = (name: string): boolean => levels().get("", name) !== undefined;
    const now = rfc3339(clock.now());
    for (const schema of all()) {
      if (!withDangling(schema, hasLevel, now)) continue;
      await objects.update(schemaResource, "", schema.metadata.name, (current) =>
        isSchema(current) ? withDangling(current, hasLevel, now) : undefined,
      );
    }
  };
  /** One look after another; whatever changes meanwhile makes for one more. */
  const look = (work: () => Promise<void>): Promise<void> =>
    (working = working
      .then(() => (aborter.signal.aborted ? undefined : work()))
      .catch((err: unknown) => {
        if (!aborter.signal.aborted) log.warn({ err }, "flow schemas could not be written; tried again soon");
      }));
  const order = (): readonly FlowSchema[] => {
    named = new Map(
      inOrder(all()).flatMap((schema): [FlowSchema, FlowMatch][] => {
        const level = levels().get("", schema.spec?.priorityLevelConfiguration.name ?? "");
        return level ? [[schema, matchOf(schema, level)]] : [];
      }),
    );
    return [...named.keys()];
  };
  const changed = (): void => {
    ordered = undefined;
    for (const listener of listeners) listener();
    if (isDue) return;
    isDue = true;
    void look(() => {
      isDue = false;
      return sayWhatDangles();
    });
  };
  const arm = (): void => {
    timer = clock.setTimeout(() => void look(keepDefaults).finally(arm), keepEveryMs);
    if (aborter.signal.aborted) timer.cancel();
  };

  return {
    classify(info, user) {
      const schema = classify((ordered ??= order()), info, user);
      return schema && named.get(schema);
    },
    levels: () => [...levels().list()].filter(isLevel),
    onChange: (listener) => void listeners.push(listener),
    async start(signal) {
      await keepDefaults();
      await Promise.all([schemas().whenSynced(signal), levels().whenSynced(signal)]);
      ends = [schemas().subscribe(changed), levels().subscribe(changed)];
      arm();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      timer?.cancel();
      for (const end of ends) end();
      await working;
    },
  };
}

function matchOf({ metadata, spec }: FlowSchema, level: ApiObject): FlowMatch {
  return {
    schema: metadata.uid ?? "",
    level: level.metadata.uid ?? "",
    schemaName: metadata.name,
    levelName: level.metadata.name,
    by: spec?.distinguisherMethod?.type,
  };
}

async function ensure<T extends FlowSchema | PriorityLevelConfiguration>(
  objects: ObjectWriter,
  resource: typeof levelResource | typeof schemaResource,
  wanted: T,
  isOne: (object: ApiObject) => object is T,
): Promise<void> {
  const { name } = wanted.metadata;
  if (await objects.createIfAbsent(resource, wanted)) return;
  await objects.update(resource, "", name, (stored) => (isOne(stored) ? mended(stored, wanted) : undefined));
}

function isSchema(object: ApiObject): object is FlowSchema {
  return object.kind === "FlowSchema";
}

function isLevel(object: ApiObject): object is PriorityLevelConfiguration {
  return object.kind === "PriorityLevelConfiguration";
}
