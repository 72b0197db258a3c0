// `cox port-forward`: local ports to a pod's, each local connection over a WebSocket of its own.
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { duration, slice } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { getObject } from "../resource/api.ts";
import { parseTargets } from "../resource/builder.ts";
import { podsOf } from "../resource/pods-of.ts";
import type { PodLike } from "../resource/pods-of.ts";
import type { Session } from "../session.ts";

export const portForward: Command = {
  usage: "port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
  summary: "Forward one or more local ports to a pod",
  examples: `
# The same port here and there
cox port-forward pod/mypod 5000

# Any free port here to a service's port
cox port-forward service/myservice :https

# From every address of this machine
cox port-forward --address 0.0.0.0 pod/mypod 8888:5000`,
  flags: {
    address: slice("Addresses to listen on (comma separated).", { default: "localhost" }),
    "pod-running-timeout": duration("The length of time to wait until at least one pod is running", {
      default: "1m0s",
    }),
  },
  run: async (session, args) => {
    const [target, ...ports] = args.words;
    if (target === undefined || ports.length === 0)
      throw new UsageError("TYPE/NAME and list of ports are required for port-forward");
    const [pod] = await podsOf(session, { target, selector: "", waitMs: args.duration("pod-running-timeout") });
    if (pod === undefined) throw new CommandError("no pod found");
    if (pod.status?.phase !== "Running")
      throw new CommandError(
        `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? "Unknown"}`,
      );
    const pairs = await Promise.all(ports.map((port) => portsOf(session, target, pod, port)));
    const servers: Server[] = [];
    try {
      for (const { local, remote } of pairs)
        for (const address of args
          .list("address")
          .flatMap((each) => (each === "localhost" ? ["127.0.0.1", "::1"] : [each])))
          await listen(session, pod, address, local, remote, servers, args.list("address").includes("localhost"));
      if (servers.length === 0) throw new CommandError("unable to listen on any of the requested ports");
      await new Promise<void>((_resolve, reject) =>
        session.signal.addEventListener("abort", () => reject(session.signal.reason as Error), { once: true }),
      );
    } finally {
      for (const server of servers) server.close();
    }
  },
};

/** "8080:80", ":80", "80", with names of ports of the pod or service on the right. */
async function portsOf(
  session: Session,
  target: string,
  pod: PodLike,
  text: string,
): Promise<{ local: number; remote: number }> {
  const [, left, right = ""] = /^(?:(\d*):)?([\w-]+)$/.exec(text) ?? [];
  if (right === "") throw new CommandError(`invalid port format: ${text}`);
  const remote = await remotePort(session, target, pod, right);
  const local = left === undefined ? (/^\d+$/.test(right) ? Number(right) : remote) : left === "" ? 0 : Number(left);
  return { local, remote };
}

async function remotePort(session: Session, target: string, pod: PodLike, port: string): Promise<number> {
  const named = (name: string): number | undefined =>
    pod.spec.containers.flatMap(({ ports = [] }) => ports).find((each) => each.name === name)?.containerPort;
  const [found] = await parseTargets(await session.mapper(), [target], "pods");
  if (found?.descriptor.kind !== "Service") {
    const number = /^\d+$/.test(port) ? Number(port) : named(port);
    if (number === undefined) throw new CommandError(`Pod '${pod.metadata.name}' does not have a named port '${port}'`);
    return number;
  }
  const service = await getObject(session, found.descriptor, session.namespace, found.names[0] ?? "");
  const { ports = [], clusterIP } = service["spec"] as {
    ports?: { name?: string; port: number; targetPort?: number | string }[];
    clusterIP?: string;
  };
  const match = ports.find((each) => each.name === port || String(each.port) === port);
  if (match === undefined)
    throw new CommandError(`Service ${service.metadata.name} does not have a service port ${port}`);
  if (clusterIP === "None") return match.port;
  const goal = match.targetPort ?? match.port;
  const number = typeof goal === "number" ? goal : named(goal);
  if (number === undefined) throw new CommandError(`Pod '${pod.metadata.name}' does not have a named port '${goal}'`);
  return number;
}

async function listen(
  session: Session,
  pod: PodLike,
  address: string,
  local: number,
  remote: number,
  servers: Server[],
  both: boolean,
): Promise<void> {
  const known = servers.find((server) => local === 0 && (server as Server & { remote?: number }).remote === remote);
  const wanted = local === 0 && known !== undefined ? (known.address() as { port: number }).port : local;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    session.out.write(`Handling connection for ${(server.address() as { port: number } | null)?.port ?? local}\n`);
    carry(session, pod, remote, socket).catch((error: Error) => {
      socket.destroy();
      if (!session.signal.aborted) session.err.write(`error: ${error.message}\n`);
    });
  });
  const failure = await new Promise<Error | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen({ host: address, port: wanted }, () => resolve(undefined));
  });
  if (failure !== undefined) {
    if (both && address === "::1") return; // a machine without IPv6 listens on the other one
    throw new CommandError(
      `unable to listen on port ${wanted}: Listeners failed to create with the following errors: [${failure.message}]`,
    );
  }
  servers.push(Object.assign(server, { remote }));
  const shown = address.includes(":") ? `[${address}]` : address;
  session.out.write(`Forwarding from ${shown}:${(server.address() as { port: number }).port} -> ${remote}\n`);
}

/** Channel 0 carries data, channel 1 an error; both begin with the port, twice two bytes. */
async function carry(session: Session, pod: PodLike, port: number, socket: Socket): Promise<void> {
  const connection = await session.client.connect({
    path: `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/portforward`,
    query: { ports: port },
    protocols: ["v4.channel.k8s.io"],
    signal: session.signal,
  });
  socket.once("close", () => connection.close());
  const upstream = (async (): Promise<void> => {
    for await (const chunk of socket) await connection.send(Buffer.concat([Buffer.from([0]), chunk as Buffer]));
  })().catch(() => undefined); // either side may hang up first; the reader below notices
  const greeted = new Set<number>();
  for await (const message of connection.messages) {
    const [channel = 0] = message;
    const rest = message.subarray(1);
    if (!greeted.has(channel)) {
      greeted.add(channel);
      continue;
    }
    if (channel === 1)
      throw new CommandError(`an error occurred forwarding ${port} -> ${port}: ${Buffer.from(rest).toString("utf8")}`);
    if (!socket.write(rest)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
  }
  socket.end();
  await upstream;
}
