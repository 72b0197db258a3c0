// One at a time, over all processes of this computer: a name in the kernel's abstract namespace of sockets (unix(7)) has one owner, and is
// free again when that one has ended, however it ended.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

/** Does `work` while nobody else does work of the same name; who comes later waits. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const waiting = new Set<Socket>();
  const owner = await own(`\0coxswain-${name}`, (socket) => waiting.add(socket.on("error", () => socket.destroy())));
  try {
    return await work();
  } finally {
    owner.close();
    for (const socket of waiting) socket.destroy();
  }
}

async function own(path: string, onWaiting: (socket: Socket) => void): Promise<Server> {
  for (;;) {
    const server = createServer(onWaiting);
    server.listen({ path });
    try {
      await once(server, "listening");
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
    await ended(path);
  }
}

/** Resolves when the name's owner of this moment has let go of it. */
function ended(path: string): Promise<void> {
  return new Promise((resolve) => {
    // Refused: it has let go already. Reset: it was killed. Both are ends like any other.
    const socket = connect({ path }).on("error", () => socket.destroy());
    socket.resume().once("close", () => resolve());
  });
}
