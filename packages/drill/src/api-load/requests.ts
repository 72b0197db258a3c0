// Clients of the web service from inside a machine of the cluster: they ask its address so often a second, each time on a new connection,
// and tell what came. The program runs in the machine, since a service's address means something only there.
import type { Target } from "../cluster/target.ts";
import type { RequestSeen } from "../recording.ts";

export interface Requests {
  readonly seen: RequestSeen[];
  stop(): Promise<void>;
}

/** At most 200 are open at once: a computer that cannot keep up asks less often, and the rate that was reached is in the report. It ends when its standard output is closed, at the latest when its time is over. */
const program = (address: string, perSecond: number, mostSeconds: number): string => `
const http=require("node:http");
const every=1000/${perSecond},end=Date.now()+${mostSeconds * 1000};
process.stdout.on("error",()=>process.exit(0));
let next=Date.now(),lines=[],open=0;
const say=(at,why)=>lines.push(at+" "+(Date.now()-at)+" "+(why||"ok"));
const ask=()=>{const at=Date.now();let told=false;const tell=(why)=>{if(!told){told=true;open--;say(at,why)}};open++;
const request=http.get("http://${address}/",{agent:false,timeout:3000},(answer)=>{answer.resume();answer.on("end",()=>tell(answer.statusCode===200?"":"status "+answer.statusCode));answer.on("error",(e)=>tell(e.message))});
request.on("timeout",()=>request.destroy(new Error("no answer within 3 s")));request.on("error",(e)=>tell(e.message))};
setInterval(()=>{const now=Date.now();if(now>end)process.exit(0);let burst=0;while(next<=now&&burst++<50&&open<200){ask();next+=every}if(next<now)next=now},5);
setInterval(()=>{if(lines.length){process.stdout.write(lines.join("\\n")+"\\n");lines=[]}else process.stdout.write("\\n")},200);
`;

const patience = (address: string, mostSeconds: number): string => `
const http=require("node:http");
const end=Date.now()+${mostSeconds * 1000};
const again=(why)=>{if(Date.now()>end){console.log(why);process.exitCode=1}else setTimeout(ask,200)};
const ask=()=>{const request=http.get("http://${address}/",{agent:false,timeout:3000},(answer)=>{answer.resume();answer.on("end",()=>{if(answer.statusCode!==200)again("status "+answer.statusCode)})});
request.on("timeout",()=>request.destroy(new Error("no answer within 3 s")));request.on("error",(e)=>again(e.message))};
ask();
`;

/** Resolves when the address answers from that machine; throws when it has not within the time. */
export async function untilAnswered(
  target: Target,
  machine: string,
  { address, mostSeconds }: { readonly address: string; readonly mostSeconds: number },
  signal: AbortSignal,
): Promise<void> {
  let why = "";
  const hear = (text: string): void => void (why = text);
  await target
    .run(machine, [target.node, "-e", patience(address, mostSeconds)], hear, signal)
    .catch((cause: unknown) => {
      throw new Error(`${address} does not answer from ${machine}: ${why}`, { cause });
    });
}

export function startRequests(target: Target, machine: string, address: string, perSecond: number): Requests {
  const seen: RequestSeen[] = [];
  const stopping = new AbortController();
  const line = (text: string): void => {
    const [at, ms, ...why] = text.split(" ");
    if (at === undefined || ms === undefined) return;
    const reason = why.join(" ");
    seen.push({
      at: Number(at),
      ms: Number(ms),
      ok: reason === "ok",
      client: machine,
      ...(reason === "ok" ? {} : { why: reason }),
    });
  };
  const ended = target.run(machine, [target.node, "-e", program(address, perSecond, 1800)], line, stopping.signal);
  ended.catch(() => undefined);
  return {
    seen,
    async stop() {
      stopping.abort();
      await ended.catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
      });
    },
  };
}
