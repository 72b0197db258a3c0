// Where a cluster's machines come from: this computer alone, or a lab of several on it. Both end with an engine and the
// images on every worker.
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import { assertPortsFree } from "./bring-up.ts";
import type { Machines } from "./bring-up.ts";
import { findDocker, installDocker, ownEnginePid, startDocker, stopDocker } from "./docker.ts";
import { buildImages, loadImages } from "./images.ts";
import type { Layout } from "./layout.ts";
import { thisMachine } from "./machine.ts";
import type { StartOptions } from "./options.ts";
import type { Progress } from "./progress.ts";

export interface Machinery {
  readonly machines: Machines;
  /** Resolves when every worker has the images; until then pods may wait for theirs. */
  readonly imagesReady: Promise<void>;
  /** Gives back what was made here: an engine that we started, a lab. What was found is left alone. */
  release(note: (text: string) => void): Promise<void>;
}

export function prepareMachines(layout: Layout, options: StartOptions, progress: Progress): Promise<Machinery> {
  if (options.hollow > 0) return prepareHollow(options);
  return options.workers === 0 ? prepareThisMachine(layout, options, progress) : prepareLab(layout, options, progress);
}

/** Nothing is run on the nodes, so nothing is needed. */
async function prepareHollow(options: StartOptions): Promise<Machinery> {
  await assertPortsFree(options.port);
  return {
    machines: { masters: [thisMachine("/var/run/docker.sock")], workers: [] },
    imagesReady: Promise.resolve(),
    release: async () => undefined,
  };
}

async function prepareThisMachine(layout: Layout, options: StartOptions, progress: Progress): Promise<Machinery> {
  await assertPortsFree(options.port);
  let enginePid: number | undefined;
  const docker = await progress.phase("docker", async (note) => {
    const found = await findDocker();
    if (found) {
      enginePid = ownEnginePid();
      return found;
    }
    installDocker(note);
    note("starting dockerd");
    // Installing may have started one, where a service manager runs.
    const started = (await findDocker()) ?? (await startDocker(layout.dataDir));
    enginePid = started.startedPid;
    return started;
  });
  const imagesReady = progress.phase("images", async (note) => {
    await loadImages(docker.socket, await buildImages(layout.imageDir, note), note);
  });
  // Whoever awaits it later sees the failure; until then it must not end the process.
  imagesReady.catch(() => undefined);
  const machine = thisMachine(docker.socket);
  return {
    machines: { masters: [machine], workers: [machine] },
    imagesReady,
    async release(note) {
      await imagesReady.catch(() => undefined);
      if (enginePid === undefined) return;
      note("dockerd");
      await stopDocker(enginePid);
    },
  };
}

async function prepareLab(layout: Layout, options: StartOptions, progress: Progress): Promise<Machinery> {
  const lab = createLab({ directory: await labDirectory(layout.labDir) }, { clock: systemClock });
  const release = async (note: (text: string) => void): Promise<void> => {
    note("lab");
    await lab.down();
  };
  try {
    await progress.phase("docker", async (note) => installDocker(note));
    const images = await progress.phase("images", (note) => buildImages(layout.imageDir, note));
    const { legacyIptables } = options;
    const all = await progress.phase("lab", () => lab.up(options.masters + options.workers, { legacyIptables }));
    await progress.phase("images in the lab", async (note) => {
      for (const { archive, reference } of images) {
        note(reference);
        await lab.load(archive);
      }
    });
    const machines = { masters: all.slice(0, options.masters), workers: all.slice(options.masters) };
    return { machines, imagesReady: Promise.resolve(), release };
  } catch (error) {
    await release(() => undefined);
    throw error;
  }
}
