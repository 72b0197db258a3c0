// A port for a daemon that a test starts. The system's own choice (port 0) is from those that it gives to outgoing connections as well: until the
// daemon listens, any connection on the machine may take it. These are below, and below those of node ports.
import { createServer } from "node:net";

const first = 20_000;
const count = 10_000;
/** Processes that were started one after the other begin far from each other. */
let next = (process.pid * 7919) % count;

/** One that nobody listens on, on any address, and that this process has not given out for long. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < count; tries++) {
    const port = first + next;
    next = (next + 1) % count;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${first} to ${first + count - 1} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
