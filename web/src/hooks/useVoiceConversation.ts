import { useEffect, useState } from "react";

import type { Conversation } from "../core/messages";
import type { Failure } from "../core/failures";
import { type CallState, VoiceConversation, callState } from "../core/voiceConversation";
import { type AudioHandle, useAudioManager } from "./useAudioManager";
import { useConnection } from "./useConnection";
import { useStore } from "./useStore";

export interface VoiceHandle {
  /** What to call: start, end, sendText, rate, chooseMicrophone. */
  voice: VoiceConversation;
  state: CallState;
  /** Something is open that can be hung up. */
  busy: boolean;
  connected: boolean;
  /** Whether sound passes; without, one can type and read. */
  sound: boolean;
  audio: AudioHandle;
  conversation: Conversation;
  failure: Failure | null;
}

/** A call for the page: the layers below, put together. */
export function useVoiceConversation(make: () => VoiceConversation = () => new VoiceConversation()): VoiceHandle {
  const [voice] = useState(make);
  const audio = useAudioManager(voice.audio);
  const { state: connection } = useConnection(voice.connection);
  const conversation = useStore(voice.conversation);
  const starting = useStore(voice.starting);
  const state = callState(starting, connection.phase, conversation.activity);
  useEffect(() => {
    const leave = (): void => voice.end();
    addEventListener("pagehide", leave);
    return () => removeEventListener("pagehide", leave);
  }, [voice]);
  return {
    voice,
    state,
    busy: state !== "idle" && state !== "failed",
    connected: connection.phase === "connected",
    sound: connection.phase !== "connected" || connection.sound,
    audio,
    conversation,
    failure: useStore(voice.failure),
  };
}
