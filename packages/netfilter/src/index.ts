export { createBridgeFilter } from "./bridge-filter.ts";
export type { BridgeFilter, CutPair } from "./bridge-filter.ts";
export { planChanges } from "./changes.ts";
export type { Changes } from "./changes.ts";
export { NetfilterError } from "./errors.ts";
export type { NetfilterErrorCode } from "./errors.ts";
export { createIpvs } from "./ipvs/ipvs.ts";
export type { Ipvs } from "./ipvs/ipvs.ts";
export { planIpvsChanges } from "./ipvs/changes.ts";
export type { IpvsChanges } from "./ipvs/changes.ts";
export { createIpvsTool } from "./ipvs/tool.ts";
export type { IpvsTool } from "./ipvs/tool.ts";
export { ipvsSchedulers } from "./ipvs/virtual-server.ts";
export type { IpvsScheduler, RealServer, VirtualServer } from "./ipvs/virtual-server.ts";
export { createNetfilter } from "./netfilter.ts";
export type { Netfilter, NetfilterConfig } from "./netfilter.ts";
export { asObserved, parseSave } from "./observed.ts";
export type { Observed, ObservedHook, ObservedTable, Owned } from "./observed.ts";
export { renderRule, renderRuleset } from "./render.ts";
export { comment, jump, maxChainNameBytes, maxCommentBytes } from "./rule.ts";
export type {
  Address,
  Chain,
  ConnectionState,
  Family,
  Hook,
  HookRule,
  Interface,
  Match,
  Protocol,
  RejectWith,
  Rule,
  Ruleset,
  Table,
  TableName,
  Target,
} from "./rule.ts";
export { createTool, runTool } from "./tool.ts";
export type { Tool, ToolConfig } from "./tool.ts";
export { createNftables } from "./nft/nftables.ts";
export type { NftLook, Nftables, NftablesConfig } from "./nft/nftables.ts";
export { renderNftTable } from "./nft/render.ts";
export { maxNftNameBytes, nftKey } from "./nft/table.ts";
export type { NftBase, NftChain, NftField, NftPart, NftRule, NftSet, NftTable, NftTerm } from "./nft/table.ts";
export { createNftTool } from "./nft/tool.ts";
export type { NftTool } from "./nft/tool.ts";
