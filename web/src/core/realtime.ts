/**
 * The events of the OpenAI Realtime API that the page speaks, beside those of our own, and the
 * paths of the host.
 */

import type { FromClient, FromServer } from "./protocol";

/** What the person says, or the machine: one item of the conversation. */
export interface ConversationItem {
  id: string;
  type: string;
  role?: "user" | "assistant" | "system";
  status?: "completed" | "incomplete" | "in_progress";
  content?: { type: string; text?: string; transcript?: string | null }[];
}

export interface ResponseResource {
  id: string;
  status?: "in_progress" | "completed" | "cancelled" | "failed" | "incomplete";
  status_details?: { reason?: string; error?: { code?: string; message?: string } } | null;
  /** Of a cancelled response: its transcript is what was heard. */
  output?: ConversationItem[];
}

export interface ErrorDetails {
  type: string;
  code?: string | null;
  message: string;
}

type Transcript = { response_id: string; item_id: string };

export type ServerEvent =
  | { type: "session.created" | "session.updated"; session: Record<string, unknown> }
  | { type: "input_audio_buffer.speech_started" | "input_audio_buffer.speech_stopped"; item_id: string }
  | { type: "input_audio_buffer.cleared" }
  | { type: "input_audio_buffer.committed"; item_id: string; previous_item_id?: string | null }
  | {
      type: "conversation.item.added" | "conversation.item.done";
      item: ConversationItem;
      previous_item_id?: string | null;
    }
  | { type: "conversation.item.truncated"; item_id: string; audio_end_ms: number }
  | { type: "conversation.item.deleted"; item_id: string }
  | { type: "conversation.item.input_audio_transcription.delta"; item_id: string; delta: string; language?: string }
  | {
      type: "conversation.item.input_audio_transcription.completed";
      item_id: string;
      transcript: string;
      language?: string;
    }
  | { type: "conversation.item.input_audio_transcription.failed"; item_id: string; error: ErrorDetails }
  | { type: "response.created" | "response.done"; response: ResponseResource }
  | ({ type: "response.output_audio_transcript.delta"; delta: string; language?: string } & Transcript)
  | ({ type: "response.output_audio_transcript.done"; transcript: string; language?: string } & Transcript)
  | {
      type: "output_audio_buffer.started" | "output_audio_buffer.stopped" | "output_audio_buffer.cleared";
      response_id: string;
    }
  | { type: "error"; error: ErrorDetails }
  | FromServer;

export type ClientEvent =
  | { type: "session.update"; session: Record<string, unknown> }
  | {
      type: "conversation.item.create";
      item: { type: "message"; role: "user"; content: [{ type: "input_text"; text: string }] };
    }
  | { type: "response.create" }
  | { type: "response.cancel" }
  | { type: "output_audio_buffer.clear" }
  | FromClient;

/** Reads an event; null for what is none. An event of an unknown type is passed on, for all to ignore. */
export function parseServerEvent(text: string): ServerEvent | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const isEvent = typeof parsed === "object" && parsed !== null && "type" in parsed && typeof parsed.type === "string";
  return isEvent ? (parsed as ServerEvent) : null;
}

/** The paths of the host, relative to the page. */
export const CALLS_PATH = "v1/realtime/calls";
export const SOCKET_PATH = "v1/realtime";
export const GRAPHS_PATH = "graphs";
export const AVATAR_PATH = "avatar/head.glb";

export interface GraphInfo {
  name: string;
  description: string;
}

/** The answer of `GET /graphs`. */
export interface GraphList {
  graphs: GraphInfo[];
  default: string;
  ice_servers?: RTCIceServer[];
}
