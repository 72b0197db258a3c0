// A connection to a port inside a pod's network, as its own processes would make it: to 127.0.0.1 in its namespace. A
// process cannot enter another's namespace for one socket, so a small relay is run there.
import { spawn } from "node:child_process";
import { execPath } from "node:process";
import { Duplex } from "node:stream";

/** Ends with code 1 and a sentence when the connection is refused. */
const relay = `
const socket = require("node:net").connect({ host: "127.0.0.1", port: Number(process.argv[1]), allowHalfOpen: true });
socket.on("error", (error) => { process.stderr.write(error.message); process.exit(1); });
process.stdin.pipe(socket).pipe(process.stdout);
`;

export interface DialedPort {
  readonly stream: Duplex;
  /** The sentence of a failure; `undefined` after an ordinary end. */
  readonly failure: Promise<string | undefined>;
}

/** `pid` is the sandbox's first process. Destroying the stream ends the relay. */
export function dialPort(pid: number, port: number): DialedPort {
  const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, execPath, "-e", relay, String(port)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(0, 1000)));
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  stream.on("close", () => child.kill("SIGKILL"));
  stream.on("error", () => child.kill("SIGKILL"));
  const failure = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) =>
      resolve(code ? `failed to connect to localhost:${port} inside the pod: ${said || `code ${code}`}` : undefined),
    );
  });
  return { stream, failure };
}
