// Tokens in files: each volume's is asked for as it says, kept while it is good, and renewed when it is due.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PodApi } from "../../ports.ts";
import { createVolumes } from "./volumes.ts";

const uid = "0a1b2c3d-0000-4000-8000-000000000001";
const minutes = 60_000;
let rootDirectory = "";
beforeAll(async () => {
  rootDirectory = await mkdtemp(join(tmpdir(), "coxswain-volumes-"));
});
afterAll(() => rm(rootDirectory, { recursive: true, force: true }));

const tokenVolume = (name: string, expirationSeconds: number) => ({
  name,
  projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds } }] },
});

test("tokens for one audience with different lives are different tokens, each renewed after four fifths of its own life", async () => {
  const clock = createSimulatedClock();
  const asked: number[] = [];
  const api: Pick<PodApi, "token"> = {
    token: async (_pod, { expirationSeconds }) => {
      asked.push(expirationSeconds);
      return {
        token: `${expirationSeconds} at ${clock.monotonic()}`,
        expiresAtMs: clock.now() + expirationSeconds * 1000,
      };
    },
  };
  const volumes = createVolumes(
    { rootDirectory, localVolumeDirectory: join(rootDirectory, "local") },
    { clock, random: createSeededRandom(1), api: api as PodApi },
  );
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "asking", uid },
    spec: { containers: [], volumes: [tokenVolume("long", 3607), tokenVolume("short", 600)] },
  };
  const self = { pod, podIP: undefined, hostIP: undefined, allocatable: { cpu: 1, memoryBytes: 2 ** 30 } };
  const files = (): Promise<string[]> =>
    Promise.all(
      ["long", "short"].map((name) =>
        readFile(join(rootDirectory, "pods", uid, "volumes", "kubernetes.io~projected", name, "token"), "utf8"),
      ),
    );
  await volumes.prepare(self);
  const [long, short] = await files();
  expect([long, short]).toEqual([expect.stringMatching(/^3607 /), expect.stringMatching(/^600 /)]);
  await clock.advance(7 * minutes);
  await volumes.refresh(self);
  expect(await files()).toEqual([long, short]);
  await clock.advance(2 * minutes);
  await volumes.refresh(self);
  expect(await files()).toEqual([long, expect.stringMatching(/^600 /)]);
  expect((await files())[1]).not.toBe(short);
  expect(asked.toSorted()).toEqual([3607, 600, 600]);
});
