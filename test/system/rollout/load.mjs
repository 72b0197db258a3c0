// Asks a URL so many times a second until a file appears, half of it by connections that are kept and half by new ones, and
// prints every answer that is new, and in the end what came of it as one line of JSON. A failure is anything but an answer with status 200 within five seconds, or as many as are said.
import { existsSync } from "node:fs";
import { Agent, get } from "node:http";

const [url, perSecond, stopFile] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const patienceMs = Number(process.argv[5] ?? 5) * 1000;
const longestSeconds = Number(process.argv[6] ?? 100);
// First in, first out: every kept connection is used again and again.
const kept = new Agent({ keepAlive: true, maxSockets: 10, scheduling: "fifo" });
const fresh = new Agent({ keepAlive: false });
const tally = { sent: 0, answers: {}, failures: {} };
const open = new Set();

function ask(agent) {
  tally.sent++;
  const done = new Promise((resolve) => {
    const count = (table, key) => {
      table[key] = (table[key] ?? 0) + 1;
      resolve();
    };
    const failed = (error) =>
      count(tally.failures, `${agent === kept ? "kept" : "new"} ${error.code ?? error.message}`);
    const request = get(url, { agent, timeout: patienceMs }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => {
        if (!(body in tally.answers)) console.log(`answered ${body}`);
        count(response.statusCode === 200 ? tally.answers : tally.failures, body);
      });
      response.on("error", failed);
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", failed);
  });
  open.add(done);
  void done.then(() => open.delete(done));
}

const begin = performance.now();
console.log("load begins");
const timer = setInterval(async () => {
  const elapsed = (performance.now() - begin) / 1000;
  while (tally.sent < elapsed * perSecond) ask(tally.sent % 2 === 0 ? kept : fresh);
  if (elapsed < longestSeconds && !existsSync(stopFile)) return;
  clearInterval(timer);
  await Promise.all(open);
  console.log(JSON.stringify({ ...tally, seconds: (performance.now() - begin) / 1000 }));
  process.exit(0);
}, 5);
