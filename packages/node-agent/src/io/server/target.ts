// What a stream's path asks for, in the kubelet's own form: /exec/<namespace>/<pod>[/<uid>]/<container>?command=…&input=1.
// Pure text; whether the pod exists is looked up elsewhere.
import { wantedStreams } from "./streams/command.ts";
import type { WantedStreams } from "./streams/session.ts";

export type StreamTarget =
  | {
      readonly kind: "exec";
      readonly namespace: string;
      readonly pod: string;
      readonly container: string;
      readonly command: readonly string[];
      readonly streams: WantedStreams;
    }
  | {
      readonly kind: "attach";
      readonly namespace: string;
      readonly pod: string;
      readonly container: string;
      readonly streams: WantedStreams;
    }
  | {
      readonly kind: "portForward";
      readonly namespace: string;
      readonly pod: string;
      readonly ports: readonly number[];
    };

/** `undefined` for a path that is none of the three. */
export function parseTarget(url: string): StreamTarget | undefined {
  const [path = "", query = ""] = url.split("?", 2);
  const parts = path.split("/").slice(1).map(decodePart);
  if (parts.some((part) => part === undefined || part === "")) return undefined;
  const [kind, namespace, pod, third, fourth] = parts;
  if (namespace === undefined || pod === undefined || parts.length > 5) return undefined;
  const parameters = new URLSearchParams(query);
  // With four parts after the kind, the third is the pod's uid.
  const container = fourth ?? third;
  switch (kind) {
    case "exec": {
      const command = parameters.getAll("command");
      if (container === undefined || command.length === 0) return undefined;
      return { kind, namespace, pod, container, command, streams: wantedStreams(parameters) };
    }
    case "attach":
      return container === undefined
        ? undefined
        : { kind, namespace, pod, container, streams: wantedStreams(parameters) };
    case "portForward": {
      const ports = parameters
        .getAll("port")
        .concat(parameters.getAll("ports"))
        .flatMap((text) => text.split(","))
        .map(Number);
      return ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536)
        ? { kind, namespace, pod, ports }
        : undefined;
    }
    default:
      return undefined;
  }
}

function decodePart(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes("/") || decoded === "." || decoded === ".." ? undefined : decoded;
  } catch {
    return undefined;
  }
}
