// Following a pod whose node cuts the stream: an imitation of the API that knows one pod, its attempts and what they wrote.
import { expect, test } from "vitest";
import { systemClock as clock } from "@coxswain/clock";
import type { Client, RawRequest } from "@coxswain/client";
import type { Session } from "../session.ts";
import { followLogs } from "./follow-logs.ts";

const line = (second: number): string => `2026-01-02T03:04:0${second}.000000000Z line ${second}\n`;

/** A pod whose container has these attempts, oldest first; the newest runs until its stream is cut after `heard` lines. */
async function follow(attempts: readonly (readonly number[])[], heard: number): Promise<readonly string[]> {
  let running = true;
  const pod = () => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: { nodeName: "n", containers: [{ name: "main" }] },
    status: {
      containerStatuses: [
        {
          ...{ name: "main", containerID: "docker://x", restartCount: attempts.length - 1 },
          state: running ? { running: {} } : { terminated: {} },
        },
      ],
    },
  });
  // The newest begins to write when somebody listens.
  const written = (depth: number): string =>
    (running && depth === 0 ? [] : (attempts.at(-1 - depth) ?? [])).map(line).join("");
  const aborter = new AbortController();
  const body = async function* (text: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
    // As from an agent that is restarted; the container ends before anybody can ask again.
    running = false;
    throw new Error("cut");
  };
  const watch = async function* (): AsyncGenerator<Uint8Array> {
    yield* [];
    await new Promise((resolve) => aborter.signal.addEventListener("abort", resolve));
  };
  const answer = (value: unknown) => ({ status: 200, headers: {}, text: () => String(value), json: () => value });
  const client = {
    request: async ({ path, query = {} }: RawRequest) => {
      if (path.endsWith("/log")) return answer(written(query["previous"] === true ? 1 : 0));
      if (path.includes("/proxy/containerLogs/")) return answer(written(Number(query["previous"])));
      return answer(path.endsWith("/pods") ? { kind: "PodList", metadata: {}, items: [pod()] } : pod());
    },
    stream: async ({ path }: RawRequest) => ({
      body: path.endsWith("/log") ? body((attempts.at(-1) ?? []).slice(0, heard).map(line).join("")) : watch(),
    }),
  } as object as Client;
  const told: string[] = [];
  const session = {
    ...{ client, clock, namespace: "default", signal: aborter.signal, err: { write: () => undefined } },
    mapper: async () => ({
      find: async () => ({ group: "", version: "v1", resource: "pods", kind: "Pod", namespaced: true }),
    }),
  } as object as Session;
  const wanted = attempts.flat().length;
  const following = followLogs(
    session,
    { isOf: () => true },
    { container: "", told: [], since: undefined },
    async ({ text }) => {
      told.push(text);
      if (told.length === wanted) aborter.abort(new Error("all has been told"));
    },
  );
  await expect(following).rejects.toThrow("all has been told");
  return told;
}

test("what a container wrote after its stream was cut is told, also when it has ended by then", async () => {
  expect(await follow([[1, 2, 3]], 1)).toEqual(["line 1", "line 2", "line 3"]);
});

test("attempts that came and went unheard are told in their order", async () => {
  expect(await follow([[1], [2, 3], [4, 5]], 1)).toEqual(["line 1", "line 2", "line 3", "line 4", "line 5"]);
});
