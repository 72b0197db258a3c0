// Straight-line codecs of what watches are told. Many watches are told the same: events that were just encoded are not encoded again.
import type { Init, Message, StraightLine } from "../wire/message.ts";
import { WireWriter } from "../wire/writer.ts";
import { keyValue, responseHeader } from "./kv.ts";
import type { KeyValue, ResponseHeader } from "./kv.ts";

const eventTypes = ["PUT", "DELETE"] as const;

interface Event {
  readonly type: "PUT" | "DELETE" | "UNRECOGNIZED";
  readonly kv: KeyValue | undefined;
  readonly prevKv: KeyValue | undefined;
}

export const eventCodec: StraightLine<Event> = {
  write(event, writer) {
    if (event.type === "DELETE") writer.int64Field(0x08, 1);
    nested(writer, 0x12, keyValue, event.kv);
    nested(writer, 0x1a, keyValue, event.prevKv);
  },
  read(reader) {
    let type: Event["type"] = "PUT";
    let kv: KeyValue | undefined;
    let prevKv: KeyValue | undefined;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case 0x08:
          type = eventTypes[reader.int64()] ?? "UNRECOGNIZED";
          break;
        case 0x12:
          kv = keyValue.read(reader.nested());
          break;
        case 0x1a:
          prevKv = keyValue.read(reader.nested());
          break;
        default:
          reader.skip(tag);
      }
    }
    return { type, kv, prevKv };
  },
};

interface WatchResponse {
  readonly header: ResponseHeader | undefined;
  readonly watchId: number;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly Event[];
}

export const watchResponseCodec: StraightLine<WatchResponse> = {
  write(response, writer) {
    nested(writer, 0x0a, responseHeader, response.header);
    if (response.watchId !== undefined) writer.int64Field(0x10, response.watchId);
    if (response.created !== undefined) writer.boolField(0x18, response.created);
    if (response.canceled !== undefined) writer.boolField(0x20, response.canceled);
    if (response.compactRevision !== undefined) writer.int64Field(0x28, response.compactRevision);
    if (response.cancelReason !== undefined) writer.bytesField(0x32, response.cancelReason);
    if (response.fragment !== undefined) writer.boolField(0x38, response.fragment);
    if (response.events !== undefined && response.events.length > 0) writer.encoded(encodedEvents(response.events));
  },
  read(reader) {
    let header: ResponseHeader | undefined;
    let watchId = 0;
    let created = false;
    let canceled = false;
    let compactRevision = 0;
    let cancelReason = "";
    let fragment = false;
    const events: Event[] = [];
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case 0x0a:
          header = responseHeader.read(reader.nested());
          break;
        case 0x10:
          watchId = reader.int64();
          break;
        case 0x18:
          created = reader.bool();
          break;
        case 0x20:
          canceled = reader.bool();
          break;
        case 0x28:
          compactRevision = reader.int64();
          break;
        case 0x32:
          cancelReason = reader.string();
          break;
        case 0x38:
          fragment = reader.bool();
          break;
        case 0x5a:
          events.push(eventCodec.read(reader.nested()));
          break;
        default:
          reader.skip(tag);
      }
    }
    return { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events };
  },
};

function nested<T>(writer: WireWriter, tag: number, message: Message<T>, value: Init<T> | undefined): void {
  if (value === undefined) return;
  const start = writer.beginNested(tag);
  message.write(value, writer);
  writer.endNested(start);
}

/** The last events that were encoded. A list of events is never changed. */
let known: { readonly events: readonly Init<Event>[]; readonly bytes: Buffer } | undefined;

function encodedEvents(events: readonly Init<Event>[]): Buffer {
  if (known?.events === events) return known.bytes;
  const writer = new WireWriter();
  for (const event of events) {
    const start = writer.beginNested(0x5a);
    eventCodec.write(event, writer);
    writer.endNested(start);
  }
  known = { events, bytes: writer.finish() };
  return known.bytes;
}
