// The client library for the engine, without what it loads beside itself for engines at the end of an ssh connection and for image builds by
// BuildKit: ssh2, gRPC and protobuf, which nobody here uses, take 25 MB of every agent's memory.
import Module, { createRequire } from "node:module";
import type Docker from "dockerode";

const load = createRequire(import.meta.url);
const fromLibrary = createRequire(load.resolve("dockerode"));

function refuse(): never {
  throw new Error("this part of the Docker client library is left out");
}

for (const path of [fromLibrary.resolve("./session"), fromLibrary.resolve("docker-modem/lib/ssh")]) {
  const standIn = new Module(path);
  standIn.exports = refuse;
  standIn.loaded = true;
  load.cache[path] ??= standIn;
}

export const DockerClient = load("dockerode") as typeof Docker;
