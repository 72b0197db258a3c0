// Lets only a few of the runtime's heavy operations run at once: more make an engine slower, not faster. What brings a
// begun pod further goes before what begins another, so that in a crowd the first pods run early instead of all late.
import type { ContainerRuntime } from "@coxswain/container-runtime";

const finishStart = 0;
const clearAway = 1;
const beginPod = 2;

/** `atOnce`: how many heavy operations may be under way. Waiting ones are unbounded here; their callers are the pods. */
export function paceRuntime(runtime: ContainerRuntime, atOnce: number): ContainerRuntime {
  const lines: [(() => void)[], (() => void)[], (() => void)[]] = [[], [], []];
  let running = 0;

  const next = (): void => {
    const turn = lines[0].shift() ?? lines[1].shift() ?? lines[2].shift();
    if (turn) turn();
    else running--;
  };
  const inTurn = async <T>(priority: 0 | 1 | 2, work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    if (running < atOnce) running++;
    else await new Promise<void>((resolve) => lines[priority].push(resolve));
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      next();
    }
  };

  return {
    ...runtime,
    runPodSandbox: (config, signal) => inTurn(beginPod, () => runtime.runPodSandbox(config, signal), signal),
    createContainer: (sandboxId, config, signal) =>
      inTurn(finishStart, () => runtime.createContainer(sandboxId, config, signal), signal),
    startContainer: (id, signal) => inTurn(finishStart, () => runtime.startContainer(id, signal), signal),
    stopPodSandbox: (id, signal) => inTurn(clearAway, () => runtime.stopPodSandbox(id, signal), signal),
    removePodSandbox: (id, signal) => inTurn(clearAway, () => runtime.removePodSandbox(id, signal), signal),
    removeContainer: (id, signal) => inTurn(clearAway, () => runtime.removeContainer(id, signal), signal),
  };
}
