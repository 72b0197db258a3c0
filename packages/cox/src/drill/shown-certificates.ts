// Which certificate each daemon of a cluster shows on its port at this moment: what a client would judge, whatever is in the files.
import { connect } from "node:tls";
import type { TargetMachine } from "@coxswain/drill";

const patienceMs = 3000;
const storePort = { store: 2379, "store (peers)": 2380 };
const masterPorts = { ...storePort, scheduler: 10259, "controller-manager": 10257 };
const workerPorts = { "node-agent": 10250, proxy: 10256, dns: 9153 };

export async function shownCertificates(
  machines: readonly TargetMachine[],
  apiPort: number,
): Promise<readonly { readonly daemon: string; readonly machine: string; readonly endsMs: number }[]> {
  const ports = machines.flatMap(({ name, address, master, worker }) =>
    Object.entries({
      ...(master ? { ...masterPorts, apiserver: apiPort } : {}),
      ...(worker ? workerPorts : {}),
    }).map(([daemon, port]) => ({ daemon, machine: name, address, port })),
  );
  const shown = await Promise.all(
    ports.map(async ({ daemon, machine, address, port }) => ({ daemon, machine, endsMs: await endOf(address, port) })),
  );
  return shown.flatMap(({ endsMs, ...rest }) => (endsMs === undefined ? [] : [{ ...rest, endsMs }]));
}

/** Undefined when nobody answers. */
function endOf(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: patienceMs });
    const end = (ms: number | undefined): void => {
      resolve(ms);
      socket.destroy();
    };
    socket.once("secureConnect", () => end(Date.parse(socket.getPeerCertificate().valid_to)));
    socket.once("timeout", () => end(undefined));
    socket.once("error", () => end(undefined));
  });
}
