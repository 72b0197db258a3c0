export { createMemoryTool } from "./memory-tool.ts";
export type { MemoryTool } from "./memory-tool.ts";
export { walkPacket } from "./walk-packet.ts";
export type { Packet, Verdict, World } from "./walk-packet.ts";
export { walkNftPacket } from "./walk-nft.ts";
export { createMemoryNftTool } from "./memory-nft.ts";
export type { MemoryNftTool } from "./memory-nft.ts";
export { createMemoryIpvsTool } from "./memory-ipvs.ts";
export type { MemoryIpvsTool } from "./memory-ipvs.ts";
