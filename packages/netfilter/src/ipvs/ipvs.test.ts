// Virtual servers are written to a kernel in memory that lists them as the tool does. The real kernel has its turn in scripts/vm (see packages/proxy).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryIpvsTool } from "../../testing/memory-ipvs.ts";
import { createIpvs } from "./ipvs.ts";
import { parseIpvsList } from "./listed.ts";
import { endpointText, ipvsSchedulers, virtualServerKey } from "./virtual-server.ts";
import type { VirtualServer } from "./virtual-server.ts";

const web: VirtualServer = {
  ...{ protocol: "tcp", address: "10.96.0.5", port: 80, scheduler: "rr", persistentSeconds: undefined },
  servers: ["10.244.1.7", "10.244.1.8"].map((address) => ({ address, port: 8080 })),
};
const [one, two] = web.servers;
if (!one || !two) throw new Error("two real servers were made");
const only = { ...web, servers: [one] };
const stranger = "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 192.0.2.7:80 -g -w 3\n-A -f 7 -s rr\n";

function rig() {
  const tool = createMemoryIpvsTool();
  return { tool, ipvs: createIpvs({ family: "ipv4" }, { tool }) };
}

describe("virtual servers", () => {
  it("are written in one text, and then only what differs", async () => {
    const { tool, ipvs } = rig();
    const dns: VirtualServer = { ...web, protocol: "udp", port: 53, persistentSeconds: 10_800, servers: [] };
    expect(await ipvs.sync([only, dns], "look")).toEqual([
      "tcp 10.96.0.5:80 is missing",
      "udp 10.96.0.5:53 is missing",
    ]);
    expect(await ipvs.sync([web, dns], "trust")).toEqual(["tcp 10.96.0.5:80 -> 10.244.1.8:8080 is missing"]);
    expect(await ipvs.sync([web, dns], "look")).toEqual([]);
    expect(await ipvs.sync([{ ...web, persistentSeconds: 60 }], "look")).toEqual([
      "tcp 10.96.0.5:80 differs",
      "udp 10.96.0.5:53 is not wanted",
    ]);
    expect(tool.applied).toEqual([
      "-A -t 10.96.0.5:80 -s rr -b flag-3\n-a -t 10.96.0.5:80 -r 10.244.1.7:8080 -m -w 1\n" +
        "-A -u 10.96.0.5:53 -s rr -p 10800 -b flag-3\n",
      "-a -t 10.96.0.5:80 -r 10.244.1.8:8080 -m -w 1\n",
      "-E -t 10.96.0.5:80 -s rr -p 60 -b flag-3\n-D -u 10.96.0.5:53\n",
    ]);
  });

  it("keep a real server that leaves without new clients until its connections have ended", async () => {
    const { tool, ipvs } = rig();
    await ipvs.sync([web], "look");
    tool.connect("TCP 10.96.0.5:80", "10.244.1.8:8080", 2);
    expect(await ipvs.sync([only], "trust")).toEqual(["tcp 10.96.0.5:80 -> 10.244.1.8:8080 is not wanted"]);
    expect(await ipvs.sync([only], "glance")).toEqual([]);
    expect(tool.text()).toContain("10.244.1.8:8080              Masq    0      2");
    tool.connect("TCP 10.96.0.5:80", "10.244.1.8:8080", 0);
    expect(await ipvs.sync([only], "glance")).toEqual([]);
    expect(tool.text()).not.toContain("10.244.1.8");
    expect(tool.applied.slice(1)).toEqual([
      "-e -t 10.96.0.5:80 -r 10.244.1.8:8080 -m -w 0\n",
      "-d -t 10.96.0.5:80 -r 10.244.1.8:8080\n",
    ]);
  });

  it("take a real server that comes back while it leaves", async () => {
    const { tool, ipvs } = rig();
    await ipvs.sync([web], "look");
    tool.connect("TCP 10.96.0.5:80", "10.244.1.8:8080", 2);
    await ipvs.sync([only], "trust");
    expect(await ipvs.sync([web], "trust")).toEqual(["tcp 10.96.0.5:80 -> 10.244.1.8:8080 differs"]);
    expect(tool.applied.at(-1)).toBe("-e -t 10.96.0.5:80 -r 10.244.1.8:8080 -m -w 1\n");
  });

  it.each([
    ["UDP", { protocol: "udp" }, "-u"],
    ["a scheduler that hashes", { scheduler: "sh" }, "-t"],
  ] as const)("of %s let a real server go at once", async (_what, changed, option) => {
    const { tool, ipvs } = rig();
    await ipvs.sync([{ ...web, ...changed }], "look");
    tool.connect(`${option === "-u" ? "UDP" : "TCP"} 10.96.0.5:80`, "10.244.1.8:8080", 2);
    await ipvs.sync([{ ...only, ...changed }], "trust");
    expect(tool.applied.at(-1)).toBe(`-d ${option} 10.96.0.5:80 -r 10.244.1.8:8080\n`);
  });

  it("of strangers stay, and one that stands in the way becomes ours", async () => {
    const { tool, ipvs } = rig();
    await tool.apply(`${stranger}-A -t 10.96.0.5:80 -s wlc\n-a -t 10.96.0.5:80 -r 10.244.1.7:8080 -g -w 4\n`);
    await ipvs.sync([web], "look");
    expect(tool.applied.at(-1)).toBe(
      "-E -t 10.96.0.5:80 -s rr -b flag-3\n-e -t 10.96.0.5:80 -r 10.244.1.7:8080 -m -w 1\n" +
        "-a -t 10.96.0.5:80 -r 10.244.1.8:8080 -m -w 1\n",
    );
    // A later process remembers nothing.
    expect(await createIpvs({ family: "ipv4" }, { tool }).remove()).toEqual(["tcp 10.96.0.5:80 is not wanted"]);
    const alone = createMemoryIpvsTool();
    await alone.apply(stranger);
    expect(tool.text()).toBe(alone.text());
  });

  it("of the other family are not seen", async () => {
    const { tool, ipvs } = rig();
    const six = createIpvs({ family: "ipv6" }, { tool });
    const far: VirtualServer = { ...web, address: "fd96::5", servers: [{ address: "fd00::7", port: 8080 }] };
    await six.sync([far], "look");
    await ipvs.sync([web], "look");
    expect(await ipvs.remove()).toEqual(["tcp 10.96.0.5:80 is not wanted"]);
    expect(await six.sync([far], "look")).toEqual([]);
    expect(tool.applied[0]).toBe("-A -t [fd96::5]:80 -s rr -b flag-3\n-a -t [fd96::5]:80 -r [fd00::7]:8080 -m -w 1\n");
  });

  it("are looked at again after a line was refused", async () => {
    const { tool, ipvs } = rig();
    await ipvs.sync([only], "look");
    await tool.apply("-D -t 10.96.0.5:80\n");
    await expect(ipvs.sync([web], "trust")).rejects.toThrow("-a -t 10.96.0.5:80");
    await ipvs.sync([web], "trust");
    expect(parseIpvsList(tool.text(), "ipv4").get("tcp 10.96.0.5:80")?.servers.size).toBe(2);
  });

  it("are what is wanted, whatever was there before, with connections or without", async () => {
    const server = fc.record({
      protocol: fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const),
      address: fc.integer({ min: 1, max: 3 }).map((last) => `10.96.0.${last}`),
      port: fc.constantFrom(80, 443),
      scheduler: fc.constantFrom(...ipvsSchedulers),
      persistentSeconds: fc.constantFrom(undefined, 60),
      servers: fc.uniqueArray(
        fc.record({
          address: fc.integer({ min: 1, max: 5 }).map((last) => `10.244.1.${last}`),
          port: fc.constant(8080),
        }),
        { maxLength: 4, selector: ({ address }) => address },
      ),
    });
    const state = fc.record({
      wanted: fc.uniqueArray(server, { maxLength: 5, selector: virtualServerKey }),
      how: fc.constantFrom("look" as const, "glance" as const, "trust" as const),
      connections: fc.constantFrom(0, 3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 5 }), async (states) => {
        const { tool, ipvs } = rig();
        await tool.apply(stranger);
        for (const { wanted, how, connections } of states) {
          await ipvs.sync(wanted, how);
          const found = parseIpvsList(tool.text(), "ipv4");
          const ours = new Map([...found].filter(([, { isOurs }]) => isOurs));
          const serving = [...ours].map(([key, { scheduler, persistentSeconds, servers }]) => [
            key,
            { scheduler, persistentSeconds },
            [...servers]
              .filter(([, { weight }]) => weight > 0)
              .map(([at]) => at)
              .sort(),
          ]);
          expect(new Set(serving.map((entry) => JSON.stringify(entry)))).toEqual(
            new Set(
              wanted.map(({ scheduler, persistentSeconds, ...each }) =>
                JSON.stringify([
                  virtualServerKey(each),
                  { scheduler, persistentSeconds },
                  each.servers.map(endpointText).sort(),
                ]),
              ),
            ),
          );
          expect(found.get("tcp 192.0.2.1:80")?.servers.get("192.0.2.7:80")?.weight).toBe(3);
          for (const [key, { servers }] of ours)
            for (const at of servers.keys())
              tool.connect(`${key.split(" ")[0]?.toUpperCase()} ${key.split(" ")[1]}`, at, connections);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("the list of virtual servers", () => {
  it("is read as the tool prints it, with flags, persistence and both families", () => {
    const text = [
      "IP Virtual Server version 1.2.1 (size=4096)",
      "Prot LocalAddress:Port Scheduler Flags",
      "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
      "TCP  10.96.0.5:80 rr (flag-3) persistent 10800",
      "  -> 10.244.1.7:8080              Masq    1      2          1         ",
      "TCP  10.96.0.6:80 mh ()",
      "UDP  10.96.0.6:53 sh (sh-port) persistent 60 mask 255.255.255.0",
      "FWM  7 rr",
      "  -> 10.244.1.9:8080              Masq    1      0          0         ",
      "SCTP [fd96::5]:9 rr (flag-3)",
      "  -> [fd00::7]:9                  Masq    0      0          4         ",
      "",
    ].join("\n");
    expect(parseIpvsList(text, "ipv4")).toEqual(
      new Map([
        [
          "tcp 10.96.0.5:80",
          {
            ...{ scheduler: "rr", persistentSeconds: 10_800, isOurs: true, isPlain: true },
            servers: new Map([["10.244.1.7:8080", { weight: 1, connections: 3, isTranslated: true }]]),
          },
        ],
        [
          "tcp 10.96.0.6:80",
          { scheduler: "mh", persistentSeconds: undefined, isOurs: true, isPlain: true, servers: new Map() },
        ],
        [
          "udp 10.96.0.6:53",
          { scheduler: "sh", persistentSeconds: 60, isOurs: false, isPlain: false, servers: new Map() },
        ],
      ]),
    );
    expect([...parseIpvsList(text, "ipv6")]).toEqual([
      [
        "sctp [fd96::5]:9",
        {
          ...{ scheduler: "rr", persistentSeconds: undefined, isOurs: true, isPlain: true },
          servers: new Map([["[fd00::7]:9", { weight: 0, connections: 4, isTranslated: true }]]),
        },
      ],
    ]);
  });
});
