// What answers are made of, read from the cluster when it is asked for: objects, their events, the end of a log, the scheduler's decision.
// Missing rights and things that are not there are no failure here; an answer says less then.
import { StatusError } from "@coxswain/apimachinery";
import type { Query } from "@coxswain/client";
import { str, part } from "../describe/page.ts";
import { call, getObject, listObjects } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import type { Session } from "../session.ts";
import { readDecision } from "./scheduler.ts";
import type { Decision } from "./scheduler.ts";

export interface Facts {
  readonly now: number;
  get(type: string, namespace: string | undefined, name: string): Promise<Obj | undefined>;
  list(type: string, namespace: string | undefined, query?: Query): Promise<readonly Obj[]>;
  /** Of one object, the latest first. */
  events(object: Obj): Promise<readonly Obj[]>;
  /** The last lines a container wrote; none where there is no log. */
  logEnd(pod: Obj, container: string, previous: boolean): Promise<readonly string[]>;
  /** JSON from a node's agent, by way of the API server; undefined where there is no answer. */
  node<T>(name: string, path: string): Promise<T | undefined>;
  decision(pod: Obj): Promise<Decision | undefined>;
}

const logLines = 20;

export function createFacts(session: Session, schedulerUrl: string): Facts {
  const quietly = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StatusError) return otherwise;
      throw error;
    }
  };
  const facts: Facts = {
    now: session.clock.now(),
    get: async (type, namespace, name) => {
      const descriptor = await (await session.mapper()).lookup(type);
      return descriptor && quietly(() => getObject(session, descriptor, namespace, name), undefined);
    },
    list: async (type, namespace, query = {}) => {
      const descriptor = await (await session.mapper()).lookup(type);
      if (descriptor === undefined) return [];
      return quietly(async () => (await listObjects(session, descriptor, namespace, query)).items, []);
    },
    events: async ({ kind, metadata }) => {
      const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${metadata.name}`;
      // Of nodes and namespaces the events stand in "default".
      const found = await facts.list("events", metadata.namespace ?? "default", { fieldSelector });
      const own = found.filter((event) =>
        ["", metadata.uid, metadata.name].includes(str(part(event["involvedObject"])["uid"])),
      );
      return own.toSorted((left, right) => eventTime(right).localeCompare(eventTime(left)));
    },
    logEnd: ({ metadata }, container, previous) =>
      quietly(async () => {
        const answer = await session.client.request({
          method: "GET",
          path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`,
          query: { container, tailLines: logLines, previous: previous || undefined },
          accept: "*/*",
          signal: session.signal,
        });
        if (answer.status !== 200) return [];
        return answer
          .text()
          .replace(/\n$/, "")
          .split("\n")
          .filter((line) => line !== "");
      }, []),
    node: (name, path) =>
      quietly(() => call(session, { method: "GET", path: `/api/v1/nodes/${name}/proxy${path}` }), undefined),
    decision: (pod) => readDecision(session, facts, pod, schedulerUrl),
  };
  return facts;
}

export const eventTime = (event: Obj): string =>
  str(part(event["series"])["lastObservedTime"]) ||
  str(event["lastTimestamp"]) ||
  str(event["eventTime"]) ||
  str(event.metadata.creationTimestamp);
