// What the peer's SETTINGS frames ask of us (RFC 9113, 6.5.2). What we do not use is passed over.
import {
  ConnectionError,
  defaultMaxFrameBytes,
  defaultWindowBytes,
  errorCodes,
  maxWindowBytes,
  settingIds,
} from "./frame.ts";

export interface PeerSettings {
  /** What may be sent on a new stream before the peer says more. */
  initialWindowBytes: number;
  maxFrameBytes: number;
  maxStreams: number;
}

export function initialPeerSettings(): PeerSettings {
  return { initialWindowBytes: defaultWindowBytes, maxFrameBytes: defaultMaxFrameBytes, maxStreams: 2 ** 31 - 1 };
}

/** Takes the frame's values over; returns by how much the windows of running streams change. */
export function takeSettings(peer: PeerSettings, payload: Buffer): number {
  if (payload.length % 6 !== 0) throw new ConnectionError(errorCodes.frameSizeError, "settings of a broken length");
  const windowBefore = peer.initialWindowBytes;
  for (let at = 0; at < payload.length; at += 6) {
    const value = payload.readUInt32BE(at + 2);
    switch (payload.readUInt16BE(at)) {
      case settingIds.initialWindowSize:
        if (value > maxWindowBytes) throw new ConnectionError(errorCodes.flowControlError, "a window over its limit");
        peer.initialWindowBytes = value;
        break;
      case settingIds.maxFrameSize:
        if (value < defaultMaxFrameBytes || value > 0xff_ffff)
          throw new ConnectionError(errorCodes.protocolError, "a frame size outside its limits");
        peer.maxFrameBytes = value;
        break;
      case settingIds.maxConcurrentStreams:
        peer.maxStreams = value;
        break;
      default:
        break;
    }
  }
  return peer.initialWindowBytes - windowBefore;
}
