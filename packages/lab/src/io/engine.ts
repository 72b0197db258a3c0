// The Docker Engine of a machine: started inside, spoken to over its socket, which is a file that both sides see.
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { createReadStream, mkdirSync, openSync, closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Clock } from "@coxswain/clock";
import { LabError } from "../errors.ts";

export interface EnginePlace {
  readonly name: string;
  readonly directory: string;
  readonly socket: string;
}

/** With power that has just come the engine begins anew; otherwise it takes back the containers that run. */
interface StartedEngine extends EnginePlace {
  readonly isCold: boolean;
}

const startTimeoutMs = 30_000;
const lookMs = 50;

/** Resolves when the engine answers. */
export async function startEngine(
  place: StartedEngine,
  spawnInside: (words: readonly string[], options: SpawnOptions) => ChildProcess,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const { directory, socket, name, isCold } = place;
  // What a computer loses with its power.
  if (isCold) await rm(join(directory, "docker-run"), { recursive: true, force: true });
  await rm(join(directory, "docker.pid"), { force: true });
  await rm(socket, { force: true });
  mkdirSync(join(directory, "logs"), { recursive: true });
  const log = openSync(join(directory, "logs", "dockerd.log"), "a");
  const words = [
    "dockerd",
    `--host=unix://${socket}`,
    `--data-root=${join(directory, "docker")}`,
    `--exec-root=${join(directory, "docker-run")}`,
    `--pidfile=${join(directory, "docker.pid")}`,
    // As on a real node: containers go on while the engine is away.
    "--live-restore",
    // Pods' networks are the node agent's business.
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
  ];
  const engine = spawnInside(words, { detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = { now: false };
  engine.once("exit", () => (ended.now = true));
  engine.unref();
  const deadline = clock.monotonic() + startTimeoutMs;
  while (!(await answers(socket))) {
    if (ended.now)
      throw new LabError(
        "engine-failed",
        `dockerd in ${name} ended; its log is ${join(directory, "logs", "dockerd.log")}`,
      );
    if (clock.monotonic() > deadline)
      throw new LabError("engine-failed", `dockerd in ${name} does not answer after ${startTimeoutMs / 1000} s`);
    await clock.sleep(lookMs, signal);
  }
}

/** Whether an engine answers on the socket. */
export function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath: socket, path: "/_ping", timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once("timeout", () => ping.destroy());
    ping.once("error", () => resolve(false));
    ping.end();
  });
}

/** Gives the images of an archive (`docker save`) to the engine. */
export async function loadImages(place: EnginePlace, archive: string): Promise<void> {
  const answer = Promise.withResolvers<{ status: number; text: string }>();
  const load = request(
    {
      socketPath: place.socket,
      method: "POST",
      path: "/images/load?quiet=1",
      headers: { "content-type": "application/x-tar" },
    },
    (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        answer.resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
      );
      response.on("error", answer.reject);
    },
  );
  load.on("error", answer.reject);
  const [sent, answered] = await Promise.allSettled([pipeline(createReadStream(archive), load), answer.promise]);
  if (sent.status === "rejected") throw sent.reason;
  if (answered.status === "rejected") throw answered.reason;
  const { status, text } = answered.value;
  // A failure after the first byte comes as a message in an answer that began well.
  if (status !== 200 || text.includes('"error"'))
    throw new LabError("engine-failed", `${place.name} does not take ${archive}: ${text.trim() || status}`);
}
